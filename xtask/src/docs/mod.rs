//! The documentation: the page made of the patch series, whether links lead somewhere, the site that mdBook makes.

mod links;
mod page;
mod site;
mod status;

pub use links::check as check_links;
pub use site::build as build_site;
pub use status::{check as check_status, write as write_status};

/// The folder of the pages, in the repository.
const FOLDER: &str = "docs";
