//! What other pages need to know of a Markdown page: the anchors of its headings, and where its links lead.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::collections::{BTreeSet, HashMap};

/// A page.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Ids of its headings, as GitHub and mdBook make them.
    pub anchors: BTreeSet<String>,
    /// Its links and images.
    pub links: Vec<Link>,
}

/// A link or an image.
#[derive(Debug, PartialEq, Eq)]
pub struct Link {
    /// The line it begins in, from 1.
    pub line: usize,
    /// Where it leads, as written.
    pub target: String,
}

impl Page {
    /// Reads the text of a page.
    pub fn parse(text: &str) -> Self {
        let mut page = Self::default();
        let mut heading: Option<String> = None;
        let mut seen: HashMap<String, usize> = HashMap::new();
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
        for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(Link {
                        line: 1 + text[..range.start].matches('\n').count(),
                        target: dest_url.into_string(),
                    });
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::Text(words) | Event::Code(words) => {
                    if let Some(heading) = &mut heading {
                        *heading += &words;
                    }
                }
                Event::End(TagEnd::Heading(_)) => {
                    let id = anchor(&heading.take().unwrap_or_default());
                    let before = seen.entry(id.clone()).or_insert(0);
                    page.anchors.insert(match *before {
                        0 => id,
                        before => format!("{id}-{before}"),
                    });
                    *before += 1;
                }
                _ => {}
            }
        }
        page
    }
}

/// The id of a heading: lower case, words joined by dashes, no punctuation.
fn anchor(heading: &str) -> String {
    heading
        .trim()
        .chars()
        .filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            letter if letter.is_alphanumeric() => Some(letter),
            _ => None,
        })
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_have_the_ids_that_github_and_mdbook_give_them() {
        let page = Page::parse(
            "# The compiler\n## `cargo xtask test --full`\n## `-X importtime`\n\
             ## No leak: how to see it\n## Twice\n## Twice\n```\n# not one\n```\n",
        );
        let anchors: Vec<_> = page.anchors.iter().map(String::as_str).collect();
        assert_eq!(
            anchors,
            [
                "-x-importtime",
                "cargo-xtask-test---full",
                "no-leak-how-to-see-it",
                "the-compiler",
                "twice",
                "twice-1"
            ]
        );
    }

    #[test]
    fn links_and_images_are_found_but_not_those_in_code() {
        let page = Page::parse(
            "See [a](a.md) and\n[b](b.md#c).\n\n| x |\n|---|\n| [t](t.md) |\n\n![i](i.svg)\n\n`[no](no.md)`\n\n```\n[no](no.md)\n```\n",
        );
        let links: Vec<_> = page
            .links
            .iter()
            .map(|link| (link.line, link.target.as_str()))
            .collect();
        assert_eq!(
            links,
            [(1, "a.md"), (2, "b.md#c"), (6, "t.md"), (8, "i.svg")]
        );
    }
}
