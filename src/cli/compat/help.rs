//! Help in jopt-simple's layout: names on the left, descriptions on the right, 80 columns.

use std::io::{self, Write};

use super::opts::{Arity, COMMON, Opt};
use crate::cli::tool::Grammar;
use crate::cli::{Manner, Tool};

const WIDTH: usize = 80;
const LEFT_MAX: usize = 39;

/// Writes a tool's whole help.
pub fn write(out: &mut dyn Write, tool: &Tool, manner: Manner) -> io::Result<()> {
    if matches!(tool.grammar, Grammar::Own) {
        writeln!(out, "usage: {} [options]\n", tool.script)?;
    }
    writeln!(out, "{}", tool.about)?;
    options(out, tool, manner)
}

/// Writes a tool's options, as they follow an error.
pub fn options(out: &mut dyn Write, tool: &Tool, manner: Manner) -> io::Result<()> {
    let (own, beyond): (Vec<&Opt>, Vec<&Opt>) = tool.opts.iter().partition(|o| !o.beyond);
    table(out, "Option", &own)?;
    if manner == Manner::Kt {
        writeln!(out)?;
        table(
            out,
            "Beyond the script",
            &beyond.into_iter().chain(COMMON).collect::<Vec<_>>(),
        )?;
    }
    Ok(())
}

fn label(o: &Opt) -> String {
    let mut s = String::new();
    if o.required {
        s.push_str("* ");
    }
    if let Some(c) = o.short {
        s.push_str(&format!("-{c}, "));
    }
    s.push_str("--");
    s.push_str(o.name);
    match o.arity {
        Arity::Flag => {}
        Arity::Required => s.push_str(&format!(" <{}>", o.value_name)),
        Arity::Optional => s.push_str(&format!(" [{}]", o.value_name)),
    }
    s
}

fn table(out: &mut dyn Write, title: &str, opts: &[&Opt]) -> io::Result<()> {
    let mut opts = opts.to_vec();
    opts.sort_by_key(|o| o.name);
    let left = opts
        .iter()
        .map(|o| label(o).len())
        .max()
        .unwrap_or(0)
        .clamp(title.len(), LEFT_MAX);
    let right = WIDTH - left - 2;
    writeln!(out, "{title:left$}  Description")?;
    writeln!(
        out,
        "{:left$}  {}",
        "-".repeat(title.len()),
        "-".repeat("Description".len())
    )?;
    for o in opts {
        let mut help = if o.deprecated {
            format!("(DEPRECATED) {}", o.help)
        } else {
            o.help.to_string()
        };
        if let Some(d) = o.default {
            help.push_str(&format!(" (default: {d})"));
        }
        let (names, texts) = (wrap(&label(o), left), wrap(&help, right));
        for i in 0..names.len().max(texts.len()) {
            let (name, text) = (
                names.get(i).map_or("", String::as_str),
                texts.get(i).map_or("", String::as_str),
            );
            writeln!(out, "{}", format!("{name:left$}  {text}").trim_end())?;
        }
    }
    Ok(())
}

/// Breaks a text into lines of at most `width` columns, continuation lines indented by two.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in text.split('\n') {
        let mut line = String::new();
        for word in part.split(' ') {
            if !line.trim().is_empty() && line.len() + 1 + word.len() > width {
                lines.push(std::mem::replace(&mut line, "  ".to_string()));
                line.push_str(word);
            } else {
                if !line.trim().is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
        }
        lines.push(line);
    }
    lines
}
