//! What is withheld cannot be worked out, by trying everything that would fit.

use super::against_naive::{run, steps};
use super::{By, full};
use crate::room::Room;
use fifteen::domain::{NewCall, Progress};
use fifteen::report::disclose::{Cell, Count, Flow, Settled};
use fifteen::report::{Disclosure, Tables, html, render, summary};
use proptest::prelude::*;

/// Every value of every count of a table, as somebody who has only the print could fill it in.
struct Reader<'a> {
    columns: &'a [u64],
    rows: Vec<(Cell, Vec<Cell>)>,
    /// Values that each count has in some filling, row totals first in each row.
    seen: Vec<Vec<std::collections::BTreeSet<u64>>>,
}

fn fits(cell: Cell, value: u64) -> bool {
    match cell {
        Cell::Exact(exact) => value == exact,
        Cell::Few { below } => value < below,
        Cell::Withheld { below } => value >= below,
    }
}

impl Reader<'_> {
    fn fill(&mut self) {
        let mut filling = Vec::new();
        let left = self.columns.to_vec();
        self.row(0, left, &mut filling);
    }

    fn row(&mut self, row: usize, left: Vec<u64>, filling: &mut Vec<Vec<u64>>) {
        if row == self.rows.len() {
            if left.iter().all(|left| *left == 0) {
                for (seen, values) in self.seen.iter_mut().zip(&*filling) {
                    seen[0].insert(values.iter().sum());
                    seen[1..].iter_mut().zip(values).for_each(|(seen, value)| {
                        seen.insert(*value);
                    });
                }
            }
            return;
        }
        self.cell(row, left, Vec::new(), filling);
    }

    fn cell(&mut self, row: usize, left: Vec<u64>, values: Vec<u64>, filling: &mut Vec<Vec<u64>>) {
        let column = values.len();
        if column == self.columns.len() {
            if fits(self.rows[row].0, values.iter().sum()) {
                filling.push(values);
                self.row(row + 1, left, filling);
                filling.pop();
            }
            return;
        }
        for value in 0..=left[column] {
            if fits(self.rows[row].1[column], value) {
                let (mut left, mut values) = (left.clone(), values.clone());
                left[column] -= value;
                values.push(value);
                self.cell(row, left, values, filling);
            }
        }
    }
}

type Cells = Vec<(Count, Vec<Count>)>;

fn flow(table: &[Vec<u64>], below: u64) -> (Flow, Cells) {
    let mut flow = Flow::new(below);
    let whole = flow.node();
    let columns: Vec<_> = (0..table[0].len()).map(|_| flow.node()).collect();
    for (place, column) in columns.iter().enumerate() {
        flow.public(*column, whole, table.iter().map(|row| row[place]).sum());
    }
    let mut cells = Vec::new();
    for values in table {
        let row = flow.node();
        let total = flow.count(whole, row, values.iter().sum());
        let own =
            values.iter().zip(&columns).map(|(value, column)| flow.count(row, *column, *value));
        let own = own.collect::<Vec<_>>();
        cells.push((total, own));
    }
    (flow, cells)
}

/// Every withheld count has at least two values that fit all that is printed.
fn cannot_be_worked_out(table: &[Vec<u64>], settled: &Settled, cells: &Cells) {
    let columns: Vec<u64> =
        (0..table[0].len()).map(|column| table.iter().map(|row| row[column]).sum()).collect();
    let rows: Vec<_> = cells
        .iter()
        .map(|(total, own)| {
            (settled.cell(*total), own.iter().map(|count| settled.cell(*count)).collect::<Vec<_>>())
        })
        .collect();
    let seen = rows.iter().map(|(_, own)| vec![Default::default(); own.len() + 1]).collect();
    let mut reader = Reader { columns: &columns, rows: rows.clone(), seen };
    reader.fill();
    for ((total, own), seen) in rows.iter().zip(&reader.seen) {
        for (cell, values) in std::iter::once(total).chain(own).zip(seen) {
            assert!(!values.is_empty(), "the table itself fits");
            if cell.exact().is_none() {
                assert!(values.len() > 1, "{cell} of {table:?} can only be {values:?} in {rows:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_withheld_count_can_be_worked_out_from_the_print(
        table in (1_usize..4, 2_usize..4).prop_flat_map(|(columns, rows)| {
            prop::collection::vec(prop::collection::vec(0_u64..8, columns), rows)
        }),
        below in 2_u64..6,
    ) {
        let (flow, cells) = flow(&table, below);
        if let Ok(settled) = flow.settle() {
            cannot_be_worked_out(&table, &settled, &cells);
            let printed = cells.iter().zip(&table);
            for ((_, own), values) in printed {
                for (count, value) in own.iter().zip(values) {
                    // Nothing small is printed, and nothing is printed wrongly.
                    let cell = settled.cell(*count);
                    prop_assert!(fits(cell, *value));
                    prop_assert!(cell.exact().is_none() || *value == 0 || *value >= below);
                }
            }
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_room_gives_tables_that_add_up_and_a_page(steps in steps()) {
        let mut room = run(&steps);
        room.until(room.now);
        let report = full(&room);
        let detail = report.detail.as_ref().unwrap();
        for spread in &detail.spreads {
            let figures = super::clock(&report.whole, &spread.clock);
            let in_time: u64 = spread.bars.iter().map(|bar| bar.in_time).sum();
            let late: u64 = spread.bars.iter().map(|bar| bar.late).sum();
            prop_assert_eq!(in_time + spread.closed_in_time, figures.in_time);
            prop_assert_eq!(late + spread.never, figures.missed);
            prop_assert_eq!(spread.open, figures.open);
        }
        for clock in [None, Some("acknowledge"), Some("arrive"), Some("callback")] {
            for below in [0, 3, 5] {
                let disclosure = Disclosure { below, public: false };
                if let Some(tables) = Tables::of(&report, clock, disclosure) {
                    prop_assert_eq!(tables.cuts.len() + tables.left_out.len(), 4);
                    for row in tables.cuts.iter().flat_map(|table| &table.rows) {
                        let parts = [row.in_time, row.missed, row.open].map(Cell::exact);
                        if let ([Some(a), Some(b), Some(c)], Some(all)) = (parts, row.calls.exact()) {
                            prop_assert_eq!(a + b + c, all);
                        } else {
                            prop_assert!(row.share.is_none() && row.ranks.is_none());
                        }
                    }
                }
                prop_assert!(html(&report, clock, disclosure).ends_with("</html>"));
                prop_assert!(!summary(&report, clock, disclosure).is_empty());
            }
        }
    }
}

#[test]
fn one_small_count_takes_another_with_it() {
    let table = vec![vec![40, 3], vec![30, 12], vec![20, 9]];
    let (flow, cells) = flow(&table, 5);
    let settled = flow.settle().unwrap();
    let cells: Vec<Vec<Cell>> = cells
        .iter()
        .map(|(_, own)| own.iter().map(|count| settled.cell(*count)).collect())
        .collect();
    assert_eq!(cells[0], [Cell::Withheld { below: 5 }, Cell::Few { below: 5 }]);
    let withheld = cells.iter().flatten().filter(|cell| cell.exact().is_none()).count();
    assert_eq!(withheld, 4, "a rectangle is the least that hides one: {cells:?}");
}

#[test]
fn a_count_that_cannot_be_hidden_takes_the_table_with_it() {
    // Two rows, one of them empty: what is small is the total, which everybody knows.
    let (flow, _) = flow(&[vec![3, 0], vec![0, 0]], 2);
    assert!(flow.settle().is_ok(), "nothing is small here");
    let (flow, _) = super::disclosure::flow(&[vec![1]], 5);
    assert!(flow.settle().is_err());
}

#[test]
fn nothing_is_withheld_where_nothing_is_small_or_all_is_asked_for() {
    for (table, below) in [(vec![vec![5, 0], vec![6, 7]], 5), (vec![vec![1, 2], vec![3, 4]], 0)] {
        let (flow, cells) = flow(&table, below);
        let settled = flow.settle().unwrap();
        for ((total, own), values) in cells.iter().zip(&table) {
            assert_eq!(settled.cell(*total), Cell::Exact(values.iter().sum()));
            for (count, value) in own.iter().zip(values) {
                assert_eq!(settled.cell(*count), Cell::Exact(*value));
            }
        }
    }
}

/// Districts of many calls, and two of few.
fn room() -> Room {
    let mut room = Room::open();
    for (district, calls, late) in
        [("Lahore", 40, 12), ("Multan", 30, 2), ("Attock", 3, 1), ("Okara", 25, 6)]
    {
        for n in 0..calls {
            let call = room.place(NewCall { district: district.into(), ..Room::new_call(2) });
            if n < late {
                room.minutes(16);
            }
            room.progress(call, "CAR-1", Progress::OnScene).unwrap();
            room.close(call, "Saima", "helped").unwrap();
        }
    }
    room
}

#[test]
fn a_district_of_few_calls_shows_no_count_share_or_percentile() {
    let report = full(&room());
    let tables = Tables::of(&report, None, Disclosure::default()).unwrap();
    let districts = tables.cut(By::District).unwrap();
    let row = |name: &str| districts.rows.iter().find(|row| row.name == name).unwrap();
    for name in ["Attock", "Multan"] {
        assert!(row(name).share.is_none() && row(name).ranks.is_none());
    }
    assert_eq!(row("Attock").calls.exact(), None);
    // Rows with something withheld come last, by name: their order tells nothing.
    let hidden: Vec<_> =
        districts.rows.iter().skip_while(|row| row.ranks.is_some()).map(|row| &*row.name).collect();
    let mut sorted = hidden.clone();
    sorted.sort_unstable();
    assert_eq!(hidden, sorted);
    assert!(hidden.contains(&"Attock") && hidden.contains(&"Multan"));
    let page = html(&report, None, Disclosure::default());
    assert!(page.contains("counts below 5 are withheld"), "the page says what it is");
    let exact = Tables::of(&report, None, Disclosure { below: 0, public: false }).unwrap();
    assert!(exact.cuts.iter().all(|table| !table.withheld));
}

#[test]
fn public_json_and_csv_say_what_they_withhold_and_the_others_are_exact() {
    let report = full(&room());
    let mut json = Vec::new();
    render::public_json(&report, None, 5, &mut json).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["withheld_below"], 5);
    let rows = json["tables"]["cuts"][0]["rows"].as_array().unwrap();
    let attock = rows.iter().find(|row| row["name"] == "Attock").unwrap();
    assert_eq!(attock["missed"], "<5");
    let mut csv = Vec::new();
    render::public_csv(&report, None, 5, &mut csv).unwrap();
    let csv = String::from_utf8(csv).unwrap();
    assert!(csv.lines().any(|line| line.starts_with("district,Attock,acknowledge,<5,")), "{csv}");
    let mut exact = Vec::new();
    render::json(&report, &mut exact).unwrap();
    let exact: serde_json::Value = serde_json::from_slice(&exact).unwrap();
    let groups = exact["detail"]["cuts"][0]["groups"].as_array().unwrap();
    let attock = groups.iter().find(|group| group["name"] == "Attock").unwrap();
    assert_eq!(attock["clocks"][0]["missed"], 1);
}
