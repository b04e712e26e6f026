//! `fifteen report`: a supervisor's figures, from a folder or through a server.

use super::serve::options;
use crate::cli::{self, Format};
use anyhow::{Context, Result, bail};
use fifteen::client::Client;
use fifteen::config::Settings;
use fifteen::domain::{Dated, UtcMs};
use fifteen::journal::{JournalError, RecordRef, inspect};
use fifteen::protocol::{self, Hello, ReplyBody, ReportBy, Role};
use fifteen::report::{By, EscalationRow, Fold, Query, Report, render};
use fifteen::service::decode;
use jiff::tz::TimeZone;
use std::io::Write;
use std::path::Path;
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
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if args.escalations {
        let Some(data) = &args.data else {
            bail!("--escalations reads a folder: give --data DIR (of a running server too)");
        };
        escalations(data, settings.journal.witness.as_deref(), query, format, &mut out)?;
    } else {
        let report = match &args.data {
            Some(data) => {
                let mut fold = Fold::new(query);
                let mut last_at = UtcMs(0);
                each(data, settings.journal.witness.as_deref(), |dated| {
                    last_at = dated.at;
                    fold.take(&dated);
                    Ok(())
                })?;
                fold.finish(last_at)
            }
            None => super::wait(from_server(&args, &query))?,
        };
        match format {
            Format::Table => write!(out, "{}", render::table(&report))?,
            Format::Json => render::json(&report, &mut out)?,
            Format::Csv => render::csv(&report, &mut out)?,
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
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
    witness: Option<&Path>,
    mut take: impl FnMut(Dated) -> Result<(), JournalError>,
) -> Result<()> {
    if !data.is_dir() {
        bail!("{} is no folder of a log", data.display());
    }
    inspect::dump(data, &options(witness)?, 1, |seq, record| {
        let read = RecordRef { seq, at: record.at, schema: record.schema, body: &record.body };
        take(decode(read).map_err(|why| JournalError::Fold { seq, why })?)
    })
    .with_context(|| format!("reading the log in {}", data.display()))
}

fn escalations(
    data: &Path,
    witness: Option<&Path>,
    query: Query,
    format: Format,
    out: &mut impl Write,
) -> Result<()> {
    if format == Format::Json {
        return rows(data, witness, query, |row| render::escalation_json(row, &mut *out));
    }
    let mut csv = render::EscalationCsv::new(out)?;
    rows(data, witness, query, |row| csv.write(row))?;
    Ok(csv.finish()?)
}

/// Every escalation that `query` is about, in the order they were told.
fn rows(
    data: &Path,
    witness: Option<&Path>,
    query: Query,
    mut write: impl FnMut(&EscalationRow) -> std::io::Result<()>,
) -> Result<()> {
    let mut fold = Fold::new(query);
    let mut written = Ok(());
    each(data, witness, |dated| {
        if let Some(row) = fold.row(&dated)
            && written.is_ok()
        {
            written = write(&row);
        }
        fold.take(&dated);
        Ok(())
    })?;
    Ok(written?)
}

async fn from_server(args: &cli::Report, query: &Query) -> Result<Report> {
    let hello = Hello::new(Role::Supervisor, args.who.clone());
    let hello = super::with_token(hello, args.token_file.as_deref())?;
    let client = Client::connect(args.connect.as_str(), hello)
        .await
        .with_context(|| format!("reaching the server at {}; or give --data DIR", args.connect))?;
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
    };
    let reply = client.request(request).await.context("asking for the report")?;
    let ReplyBody::ReportFigures(figures) = reply.body else {
        bail!("the server answered something else");
    };
    serde_json::from_str(&figures.report).context("reading the server's report; it may be newer")
}
