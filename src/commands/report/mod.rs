//! `fifteen report`: a supervisor's figures, from a folder or through a server.

mod live;

use super::serve::options;
use crate::cli::{self, Format};
use anyhow::{Context, Result, anyhow, bail};
use fifteen::client::Client;
use fifteen::config::{JournalSettings, Settings};
use fifteen::domain::{Dated, UtcMs};
use fifteen::journal::{JournalError, RecordRef, Tail, inspect};
use fifteen::protocol::{self, Hello, ReplyBody, ReportBy, Role};
use fifteen::report::{By, Disclosure, EscalationRow, Fold, Query, Report, html, render, summary};
use fifteen::service::decode;
use jiff::tz::TimeZone;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(crate) fn run(args: cli::Report, json: bool) -> Result<ExitCode> {
    let settings = Settings::load(args.config.as_deref())?;
    let zone = settings.time_zone();
    let query = Query {
        from: args.from.as_deref().map(|text| when(text, &zone)).transpose()?,
        to: args.to.as_deref().map(|text| when(text, &zone)).transpose()?,
        by: args.by.map(|by| match by {
            cli::By::District => By::District,
            cli::By::Kind => By::Kind,
            cli::By::Priority => By::Priority,
            cli::By::Shift => By::Shift,
            cli::By::Hour => By::Hour,
        }),
        zone,
    };
    let format = if json { Format::Json } else { args.format };
    if args.live {
        if format != Format::Table {
            bail!("--live is a table in the terminal; leave --format out");
        }
        return crate::shell::wait(live::redraw(&args, query)).map(|()| ExitCode::SUCCESS);
    }
    let mut out = Out::new(args.out.as_deref())?;
    let folders = &settings.journal;
    if args.escalations {
        if matches!(format, Format::Html) {
            bail!("the stories of escalations are in the page without --escalations");
        }
        let Some(data) = &args.data else {
            bail!("--escalations reads a folder: give --data DIR (of a running server too)");
        };
        escalations(data, folders, query, format, &mut out)?;
    } else {
        let full = args.public || format == Format::Html;
        let report = match &args.data {
            Some(data) => {
                let mut fold = if full { Fold::full(query) } else { Fold::new(query) };
                let tail = each(data, folders, |dated| {
                    fold.take(&dated);
                    Ok(())
                })?;
                fold.finish(tail.at).signed(&settings.room.name, Some(tail.chain_hex()))
            }
            None => crate::shell::wait(from_server(&args, &query, full))?,
        };
        write(&report, &args, format, &mut out)?;
    }
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}

fn write(report: &Report, args: &cli::Report, format: Format, out: &mut Out) -> Result<()> {
    let disclosure = Disclosure { below: args.suppress, public: args.public };
    let clock = args.clock.as_deref();
    if let Some(name) = clock
        && !report.whole.clocks.iter().any(|clock| clock.clock == name && !clock.of_unit)
    {
        let known = report.whole.clocks.iter().filter(|clock| !clock.of_unit);
        let known: Vec<_> = known.map(|clock| &*clock.clock).collect();
        bail!("{name:?} is no clock of calls; there are {}", known.join(", "));
    }
    if full_is_missing(report, args.public || format == Format::Html) {
        bail!(
            "the server is older than this program and cannot give such a report; give --data DIR"
        );
    }
    match (format, args.public) {
        (Format::Table, false) => write!(out, "{}", render::table(report))?,
        (Format::Table, true) => write!(out, "{}", summary(report, clock, disclosure))?,
        (Format::Json, false) => render::json(report, out)?,
        (Format::Json, true) => render::public_json(report, clock, args.suppress, out)?,
        (Format::Csv, false) => render::csv(report, out)?,
        (Format::Csv, true) => render::public_csv(report, clock, args.suppress, out)?,
        (Format::Html, _) => write!(out, "{}", html(report, clock, disclosure))?,
    }
    Ok(())
}

const fn full_is_missing(report: &Report, wanted: bool) -> bool {
    wanted && report.detail.is_none()
}

/// Where the report goes: stdout, or a file that appears when it is whole.
enum Out {
    Stdout(std::io::BufWriter<std::io::StdoutLock<'static>>),
    File { whole: std::io::BufWriter<tempfile::NamedTempFile>, path: PathBuf },
}

impl Out {
    fn new(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self::Stdout(std::io::BufWriter::new(std::io::stdout().lock())));
        };
        let beside = match path.parent() {
            Some(dir) if dir != Path::new("") => dir,
            _ => Path::new("."),
        };
        // As any file of this person: the temporary ones are for their eyes alone.
        let ordinary = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        let file = tempfile::Builder::new()
            .prefix(".fifteen-report-")
            .permissions(ordinary)
            .tempfile_in(beside)
            .with_context(|| format!("writing into {}", beside.display()))?;
        Ok(Self::File { whole: std::io::BufWriter::new(file), path: path.to_owned() })
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::Stdout(mut out) => Ok(out.flush()?),
            Self::File { whole, path } => {
                let file = whole.into_inner().map_err(|error| error.into_error())?;
                file.as_file().sync_all()?;
                let kept = file.persist(&path).map_err(|error| error.error);
                kept.map(drop).with_context(|| format!("writing {}", path.display()))
            }
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File { whole, .. } => whole.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File { whole, .. } => whole.flush(),
        }
    }
}

/// An instant as a person types it: a day in the room's zone, or a full stamp with offset.
fn when(text: &str, zone: &TimeZone) -> Result<UtcMs> {
    let stamp = match text.parse::<jiff::Timestamp>() {
        Ok(stamp) => stamp,
        Err(_) => text
            .parse::<jiff::civil::Date>()
            .ok()
            .and_then(|day| day.to_zoned(zone.clone()).ok())
            .with_context(|| {
                format!("{text:?} is neither a day (2026-01-31) nor a time with offset (2026-01-31T08:00:00+05:00)")
            })?
            .timestamp(),
    };
    let ms = u64::try_from(stamp.as_millisecond())
        .with_context(|| format!("{text} lies before 1970"))?;
    Ok(UtcMs(ms))
}

/// Every event of a log, in order, from its plain files; a server may be writing them.
fn each(
    data: &Path,
    folders: &JournalSettings,
    mut take: impl FnMut(Dated) -> Result<(), JournalError>,
) -> Result<Tail> {
    if !data.is_dir() {
        bail!("{} is no folder of a log", data.display());
    }
    inspect::dump(
        data,
        &options(folders.witness.as_deref(), folders.spill.as_deref())?,
        1,
        |seq, record| {
            let read = RecordRef { seq, at: record.at, schema: record.schema, body: &record.body };
            take(decode(read).map_err(|why| JournalError::Fold { seq, why })?)
        },
    )
    .with_context(|| format!("reading the log in {}", data.display()))
}

fn escalations(
    data: &Path,
    folders: &JournalSettings,
    query: Query,
    format: Format,
    out: &mut impl Write,
) -> Result<()> {
    if format == Format::Json {
        return rows(data, folders, query, |row| render::escalation_json(row, &mut *out));
    }
    let mut csv = render::EscalationCsv::new(out)?;
    rows(data, folders, query, |row| csv.write(row))?;
    Ok(csv.finish()?)
}

/// Every escalation that `query` is about, in the order they were told.
fn rows(
    data: &Path,
    folders: &JournalSettings,
    query: Query,
    mut write: impl FnMut(&EscalationRow) -> std::io::Result<()>,
) -> Result<()> {
    let mut fold = Fold::new(query);
    let mut written = Ok(());
    each(data, folders, |dated| {
        for row in fold.rows(&dated) {
            if written.is_ok() {
                written = write(&row);
            }
        }
        fold.take(&dated);
        Ok(())
    })?;
    Ok(written?)
}

async fn from_server(args: &cli::Report, query: &Query, full: bool) -> Result<Report> {
    let client = connect(args).await?;
    ask(&client, query, full).await
}

async fn connect(args: &cli::Report) -> Result<Client> {
    let hello = Hello::new(Role::Supervisor, args.who.clone());
    let hello = crate::shell::token::with_token(hello, args.token_file.as_deref(), &args.connect)?;
    crate::commands::connect(&args.connect, &args.tls, hello)
        .await
        .map_err(|error| anyhow!("{}; or give --data DIR", crate::shell::said(&error)))
}

async fn ask(client: &Client, query: &Query, full: bool) -> Result<Report> {
    let request = protocol::Report {
        from_at: query.from.map(|at| at.0),
        to_at: query.to.map(|at| at.0),
        by: query.by.map(|by| match by {
            By::District => ReportBy::District,
            By::Kind => ReportBy::Kind,
            By::Priority => ReportBy::Priority,
            By::Hour => ReportBy::Hour,
            By::Shift => ReportBy::Shift,
        }),
        full,
    };
    let reply = client.request(request).await.context("asking for the report")?;
    let ReplyBody::ReportFigures(figures) = reply.body else {
        bail!("the server answered something else");
    };
    serde_json::from_str(&figures.report).context("reading the server's report; it may be newer")
}
