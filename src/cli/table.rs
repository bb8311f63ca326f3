//! Rows of named fields, printed as a table, JSON, JSON lines or CSV: the formats beyond Kafka's own text.

use serde_json::{Map, Value};

use super::ui::{Format, Ui};
use super::{CliError, CliResult};

/// A command's data: fields have stable names (lower_snake_case), documented in the tool's help.
#[derive(Debug, Default)]
pub struct Sheet {
    columns: Vec<&'static str>,
    rows: Vec<Vec<Value>>,
}

impl Sheet {
    pub fn new(columns: &[&'static str]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; it has a value for each column.
    pub fn push(&mut self, row: Vec<Value>) {
        assert_eq!(row.len(), self.columns.len(), "a row has a value for each column");
        self.rows.push(row);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn object(&self, row: &[Value]) -> Value {
        Value::Object(
            self.columns
                .iter()
                .map(|c| (*c).to_string())
                .zip(row.iter().cloned())
                .collect::<Map<_, _>>(),
        )
    }

    /// Prints all rows in the format that the user chose. [`Format::Kafka`] prints a table too: tools print Kafka's text themselves.
    pub fn print(&self, ui: &mut Ui) -> CliResult {
        match ui.format() {
            Format::Json => {
                let all = Value::Array(self.rows.iter().map(|r| self.object(r)).collect());
                serde_json::to_writer_pretty(&mut *ui.out(), &all).map_err(|e| CliError::Io(e.into()))?;
                writeln!(ui.out())?;
            }
            Format::Jsonl => {
                for row in &self.rows {
                    serde_json::to_writer(&mut *ui.out(), &self.object(row)).map_err(|e| CliError::Io(e.into()))?;
                    writeln!(ui.out())?;
                }
            }
            Format::Csv => self.print_csv(ui)?,
            Format::Table | Format::Kafka => self.print_table(ui)?,
        }
        Ok(())
    }

    fn print_csv(&self, ui: &mut Ui) -> CliResult {
        let mut w = csv::Writer::from_writer(Vec::new());
        let io = |e: csv::Error| CliError::Io(std::io::Error::other(e));
        w.write_record(&self.columns).map_err(io)?;
        for row in &self.rows {
            w.write_record(row.iter().map(cell)).map_err(io)?;
        }
        let bytes = w
            .into_inner()
            .map_err(|e| CliError::Io(std::io::Error::other(e.to_string())))?;
        ui.out().write_all(&bytes)?;
        Ok(())
    }

    fn print_table(&self, ui: &mut Ui) -> CliResult {
        use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table, presets};
        let colour = ui.out_is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let mut t = Table::new();
        t.load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        t.set_header(self.columns.iter().map(|c| {
            let head = Cell::new(c.to_uppercase().replace('_', "-"));
            if colour {
                head.add_attribute(Attribute::Bold)
            } else {
                head
            }
        }));
        for row in &self.rows {
            t.add_row(row.iter().map(|v| {
                let c = Cell::new(if v.is_null() { "-".to_string() } else { cell(v) });
                if v.is_number() {
                    c.set_alignment(CellAlignment::Right)
                } else {
                    c
                }
            }));
        }
        if colour {
            t.enforce_styling();
        }
        for line in t.lines() {
            writeln!(ui.out(), "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn cell(v: &Value) -> String {
    match v {
        Value::Null => String::new(),
        Value::String(s) => s.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
