//! Clinker's part of the interpreter: registers with the hooks of the patch series.
