use rusqlite::Connection;

use crate::world::World;

/// One row of the ledger.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) marker: String,
    pub(crate) status: String,
    pub(crate) http_status: Option<u16>,
    pub(crate) vendor_id: Option<String>,
    pub(crate) basis: Option<String>,
    /// Input and output tokens, if any are known.
    pub(crate) usage: Option<(u64, u64)>,
    /// Tokens of any other kind, of which the mocks tell none.
    pub(crate) others: u64,
}

/// Reads all rows.
pub(crate) fn read(ledger: &Connection) -> Vec<Row> {
    let mut statement = ledger
        .prepare(
            "SELECT json_extract(tags, '$.task'), status, http_status, vendor_id, basis, ifnull(input, 0),
                    ifnull(output, 0), ifnull(cache_read, 0) + ifnull(cache_write, 0) + ifnull(reasoning, 0)
             FROM attempts ORDER BY rowid",
        )
        .unwrap();
    let read = |row: &rusqlite::Row<'_>| {
        let count = |column: usize| row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap());
        let basis: Option<String> = row.get(4)?;
        let usage = if basis.is_some() { Some((count(5)?, count(6)?)) } else { None };
        Ok(Row {
            marker: row.get(0)?,
            status: row.get(1)?,
            http_status: row.get(2)?,
            vendor_id: row.get(3)?,
            basis,
            usage,
            others: count(7)?,
        })
    };
    statement.query_map([], read).unwrap().map(Result::unwrap).collect()
}

/// Reads all rows of a world's ledger.
pub(crate) fn of(world: &World) -> Vec<Row> {
    read(&Connection::open(world.database()).unwrap())
}

/// Looks whether the database is whole, no attempt is there twice, and the sums agree with the rows.
pub(crate) fn assert_sound(ledger: &Connection) {
    let one = |sql: &str| ledger.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(one("PRAGMA integrity_check"), "ok");
    let twice = ledger.prepare("SELECT 1 FROM attempts GROUP BY call, attempt HAVING count(*) > 1").unwrap().exists([]);
    assert!(!twice.unwrap(), "an attempt has two rows");
    assert_sums(ledger);
}

/// The sums that summaries are made of are those of the rows.
fn assert_sums(ledger: &Connection) {
    let sums = |sql: &str| {
        let read =
            |row: &rusqlite::Row<'_>| (0..6).map(|column| row.get::<_, i64>(column)).collect::<Result<Vec<_>, _>>();
        ledger.query_row(sql, [], read).unwrap()
    };
    let rows = sums(
        "SELECT count(*), count(DISTINCT call), sum(ifnull(input, 0)), sum(ifnull(output, 0)),
                sum(ifnull(cost, 0)), sum(cost IS NULL) FROM attempts",
    );
    for level in 0..2 {
        for tag in ["", "task"] {
            let sql = format!(
                "SELECT sum(attempts), sum(calls), sum(input), sum(output), sum(cost), sum(unpriced)
                 FROM rollup WHERE level = {level} AND tag = '{tag}'"
            );
            assert_eq!(sums(&sql), rows, "level {level}, tag `{tag}`");
        }
    }
}
