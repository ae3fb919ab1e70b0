//! `docs`: links, the summary, the page made of the series, and mdBook.

mod support;

use std::path::Path;
use support::{Fixture, Ran, buildable};

/// A repository with a series of three patches, and a site whose links are all right.
fn documented() -> Fixture {
    let fixture = Fixture::with_series();
    fixture.write(
        "root/README.md",
        "# Read\n\n[guide](docs/guide.md#two-words)\n",
    );
    fixture.write("root/CONTRIBUTING.md", "# Help\n\n[read](README.md)\n");
    fixture.write(
        "root/docs/guide.md",
        "# Guide\n\n## Two words\n\n[up](#guide) ![i](i.svg)\n",
    );
    fixture.write("root/docs/i.svg", "<svg/>");
    fixture.write("root/docs/upstreaming.md", "# Up\n");
    fixture.write(
        "root/docs/SUMMARY.md",
        "# Summary\n\n- [Guide](guide.md)\n- [Status](patch-status.md)\n- [Up](upstreaming.md)\n",
    );
    // Without mdBook, the page of the patches is written nevertheless.
    docs(&fixture, &[])
        .fails(2)
        .says("mdbook is not installed")
        .says("cargo install mdbook --locked");
    check(&fixture).ok();
    fixture
}

/// Runs `docs` with the tools of a build, and so without mdBook.
fn docs(fixture: &Fixture, arguments: &[&str]) -> Ran {
    let tools = fixture.path().join("tools");
    if !tools.exists() {
        fixture.tools_without(&[], &[]);
    }
    let mut command = fixture.command();
    command
        .args(["docs", "--port", "9.9"])
        .args(arguments)
        .env("PATH", tools);
    support::ran(&command.output().expect("running xtask"))
}

fn check(fixture: &Fixture) -> Ran {
    docs(fixture, &["--check"])
}

#[test]
fn links_that_lead_nowhere_are_named_with_their_place() {
    let fixture = documented();
    fixture.write("root/docs/guide.md", "# Guide\n\n## Two words\n\n[a](none.md)\n[b](#none)\n[c](../README.md)\n[d](patch-status.md#nothing)\n![e](none.svg) [f](https://example.org/x)\n");
    let ran = check(&fixture)
        .fails(1)
        .says("docs/guide.md:5: none.md: there is no such file")
        .says("docs/guide.md:6: #none: there is no such heading")
        .says("docs/guide.md:7: ../README.md: leads out of the site")
        .says("docs/guide.md:8: patch-status.md#nothing: there is no such heading")
        .says("docs/guide.md:9: none.svg: there is no such file");
    assert!(!ran.err.contains("example.org"), "{}", ran.err);
}

#[test]
fn links_of_the_pages_at_the_top_are_looked_at() {
    let fixture = documented();
    fixture.replace("root/docs/guide.md", "## Two words", "## Three words");
    fixture.write("root/CONTRIBUTING.md", "[out](../other.md)\n");
    check(&fixture)
        .fails(1)
        .says("README.md:3: docs/guide.md#two-words: there is no such heading")
        .says("CONTRIBUTING.md:1: ../other.md: leads out of the repository");
}

#[test]
fn the_summary_lists_each_page_once() {
    let fixture = documented();
    fixture.write("root/docs/more.md", "# More\n");
    check(&fixture)
        .fails(1)
        .says("docs/SUMMARY.md does not list docs/more.md");
    let summary = fixture.read("root/docs/SUMMARY.md");
    let listed = format!("{summary}- [More](more.md)\n");
    fixture.write("root/docs/SUMMARY.md", &listed);
    check(&fixture).ok();
    fixture.write(
        "root/docs/SUMMARY.md",
        &format!("{listed}- [Again](more.md)\n"),
    );
    check(&fixture)
        .fails(1)
        .says("docs/SUMMARY.md lists docs/more.md twice");
}

#[test]
fn the_page_of_the_patches_follows_the_series() {
    let fixture = documented();
    let page = fixture.read("root/docs/patch-status.md");
    assert!(page.contains("3 patches: 3 Pending."), "{page}");
    assert!(
        page.contains("| 2 | Add an instruction | eval | Pending | none yet |  |"),
        "{page}"
    );
    let patch = "root/patches/9.9/count-steps.patch";
    fixture.replace(
        patch,
        "Upstream-Status: Pending",
        "Upstream-Status: Submitted [https://example.org/1]",
    );
    check(&fixture)
        .fails(1)
        .says("the page of the patches' status is out of date")
        .says("cargo xtask docs");
    docs(&fixture, &[]).fails(2);
    check(&fixture).ok();
    let page = fixture.read("root/docs/patch-status.md");
    assert!(
        page.contains("3 patches: 2 Pending, 1 Submitted."),
        "{page}"
    );
}

#[test]
fn mdbook_makes_the_site_and_its_complaints_are_shown() {
    let fixture = documented();
    let mdbook = fixture.path().join("tools/mdbook");
    let put = |script: &str| {
        fixture.write("tools/mdbook", script);
        buildable::executable(&mdbook);
    };
    put("#!/bin/sh\necho \"$@\"\n");
    let ran = docs(&fixture, &[]).ok();
    let site = Path::new(ran.out.trim_end());
    assert_eq!(site, fixture.output().join("docs/index.html"));
    let log = fixture.read("target/clinker/log/docs.log");
    let folder = site.parent().expect("a folder").display().to_string();
    let root = fixture.path().join("root").display().to_string();
    assert_eq!(log, format!("build --dest-dir {folder} {root}\n"));
    put("#!/bin/sh\necho no such chapter >&2\nexit 3\n");
    docs(&fixture, &[])
        .fails(2)
        .says("mdbook failed")
        .says("no such chapter");
}
