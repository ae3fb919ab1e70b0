//! Topics: the groups of the series file, each with the patches its own depend on.

use crate::error::{Failure, Result};
use crate::series::{Series, Status, slug};
use std::collections::BTreeSet;

/// Name of the topic that is the series itself.
const WHOLE: &str = "whole-series";

/// Patches that are sent together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Name of its folder and branch.
    pub name: String,
    /// What it is called in the series file.
    pub title: String,
    /// Positions of its patches in the series, dependencies included, in order.
    pub patches: Vec<usize>,
    /// What it is.
    pub kind: Kind,
}

/// What a topic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A group of the series file.
    Group,
    /// The whole series, for which the lock says what comes out.
    Whole,
    /// One patch.
    Patch,
}

/// All topics that have something for upstream, and the whole series; or the one called `name`: a group's title or its
/// slug, or the name of a patch.
///
/// # Errors
/// When there is no such topic, or a patch depends on one that is not before it.
pub fn topics(series: &Series, name: Option<&str>) -> Result<Vec<Topic>> {
    let mut titles: Vec<&str> = Vec::new();
    for patch in series.patches() {
        let title = title_of(series, &patch.slug);
        if !titles.contains(&title) {
            titles.push(title);
        }
    }
    let Some(name) = name else {
        let mut topics = Vec::new();
        for title in titles {
            let own = members(series, title);
            if is_for_upstream(series, &own)? {
                topics.push(topic(
                    series,
                    Kind::Group,
                    slug(title),
                    title.to_owned(),
                    own,
                )?);
            }
        }
        topics.push(whole(series));
        return Ok(topics);
    };
    if name == WHOLE {
        return Ok(vec![whole(series)]);
    }
    if let Some(title) = titles
        .iter()
        .find(|title| title.eq_ignore_ascii_case(name) || slug(title) == name)
    {
        return Ok(vec![topic(
            series,
            Kind::Group,
            slug(title),
            (*title).to_owned(),
            members(series, title),
        )?]);
    }
    if let Some(position) = series.patches().iter().position(|patch| patch.slug == name) {
        let title = series.patches()[position].subject().to_owned();
        return Ok(vec![topic(
            series,
            Kind::Patch,
            name.to_owned(),
            title,
            vec![position],
        )?]);
    }
    let known: Vec<String> = titles.iter().map(|title| slug(title)).collect();
    Err(Failure::environment(format!(
        "the series has no topic and no patch called {name}"
    ))
    .at(series.folder().join("series").display())
    .next(format!("use one of: {}, {WHOLE}", known.join(", "))))
}

/// The group's title of a patch; patches above the first title are a group too.
fn title_of<'a>(series: &'a Series, slug: &str) -> &'a str {
    series.list().group(slug).unwrap_or("untitled")
}

fn members(series: &Series, title: &str) -> Vec<usize> {
    series
        .patches()
        .iter()
        .enumerate()
        .filter(|(_, patch)| title_of(series, &patch.slug) == title)
        .map(|(position, _)| position)
        .collect()
}

fn is_for_upstream(series: &Series, positions: &[usize]) -> Result<bool> {
    for position in positions {
        if !matches!(
            series.patches()[*position].trailers()?.status,
            Status::Inappropriate(_)
        ) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn whole(series: &Series) -> Topic {
    Topic {
        name: WHOLE.into(),
        title: "The whole series".into(),
        patches: (0..series.patches().len()).collect(),
        kind: Kind::Whole,
    }
}

/// A topic with everything its patches depend on.
fn topic(
    series: &Series,
    kind: Kind,
    name: String,
    title: String,
    own: Vec<usize>,
) -> Result<Topic> {
    let mut closure = BTreeSet::new();
    let mut open = own;
    while let Some(position) = open.pop() {
        if !closure.insert(position) {
            continue;
        }
        let patch = &series.patches()[position];
        for dependency in patch.trailers()?.depends_on {
            let before = series.position(&dependency)?;
            if before >= position {
                return Err(Failure::check(format!(
                    "patch {} depends on {dependency}, which does not come before it",
                    patch.slug
                ))
                .at(patch.file.display())
                .next(format!("`cargo xtask patch move {dependency}`")));
            }
            open.push(before);
        }
    }
    Ok(Topic {
        name,
        title,
        patches: closure.into_iter().collect(),
        kind,
    })
}
