//! Prints what a machine reads.

use crate::error::{Failure, Result};
use crate::ui;

/// Prints a value as JSON on standard output.
///
/// # Errors
/// When the value cannot be JSON.
pub fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::environment("cannot write JSON").because(error))?;
    ui::data(text);
    Ok(())
}
