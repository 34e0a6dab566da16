//! Files of rows: a JSON object a line in, and the same with more fields out.

use std::collections::BTreeMap;
use std::io::{BufRead, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::failure::Failure;
use crate::load;

/// The fields of a row; values keep their digits, and those that are not put go back as they came.
pub(crate) type Row = BTreeMap<String, Box<RawValue>>;

/// Writes back what is made of each row of a file, and goes on after those that are wrong.
pub(crate) fn each(path: &Path, make: impl Fn(&[u8]) -> Result<Row, String>) -> Result<ExitCode, Failure> {
    let name = if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() };
    let mut output = BufWriter::new(std::io::stdout().lock());
    let mut bad = false;
    for (number, line) in (1_u64..).zip(load::input(path)?.split(b'\n')) {
        let line = line.map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        match make(&line) {
            Ok(row) => {
                serde_json::to_writer(&mut output, &row).map_err(std::io::Error::from)?;
                output.write_all(b"\n")?;
            }
            Err(problem) => {
                bad = true;
                eprintln!("error: {name}, line {number}: {problem}");
            }
        }
    }
    output.flush()?;
    Ok(if bad { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Puts a field into a row, in the place of one of that name.
pub(crate) fn put<T: Serialize + ?Sized>(row: &mut Row, name: &str, value: &T) -> Result<(), String> {
    let value = to_raw_value(value).map_err(|error| format!("field `{name}`: {error}"))?;
    row.insert(name.to_owned(), value);
    Ok(())
}
