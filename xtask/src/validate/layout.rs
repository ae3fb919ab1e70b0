//! Compares the layout of every struct that extensions see, between stock and patched headers.
//!
//! One C file that includes all public headers is compiled against each, and the types are read from its debug
//! information: so nothing is parsed that the compiler has not understood, and no struct can be forgotten.

use super::Check;
use crate::build::{Built, machine};
use crate::error::{Context, Failure, Result};
use gimli::{AttributeValue, DW_AT_type, DW_TAG_member, DW_TAG_typedef};
use object::{Object, ObjectSection};
use std::collections::BTreeMap;
use std::process::Command;

type Reader<'a> = gimli::EndianSlice<'a, gimli::RunTimeEndian>;
type Die<'a, 'u> = gimli::DebuggingInformationEntry<'u, 'u, Reader<'a>>;

/// Size of a struct and its fields in order, with offsets in bits and sizes in bytes.
type Layout = (u64, Vec<(String, u64, u64)>);

/// Layouts by name: `struct _object`, `PyListObject`.
type Layouts = BTreeMap<String, Layout>;

/// Every struct of the stock headers is the same in the patched ones.
pub fn check(built: &Built, pristine: &Built) -> Result<Check> {
    let stock = layouts(pristine)?;
    let ours = layouts(built)?;
    let mut problems = Vec::new();
    for (name, layout) in &stock {
        match ours.get(name) {
            None => problems.push(format!("{name} is gone")),
            Some(other) => problems.extend(difference(name, layout, other)),
        }
    }
    let added = ours
        .keys()
        .filter(|name| !stock.contains_key(*name))
        .count();
    let fields: usize = stock.values().map(|(_, fields)| fields.len()).sum();
    let found = format!(
        "{} structs with {fields} fields are the same, {added} are new",
        stock.len()
    );
    Ok(Check::of("struct layouts", &problems, found))
}

fn difference(name: &str, stock: &Layout, ours: &Layout) -> Option<String> {
    if stock == ours {
        return None;
    }
    if stock.0 != ours.0 {
        return Some(format!(
            "{name} has {} bytes instead of {}",
            ours.0, stock.0
        ));
    }
    let moved = stock.1.iter().find(|field| !ours.1.contains(field));
    let field = moved.map_or("a new field", |(field, ..)| field.as_str());
    Some(format!("{name} differs at {field}"))
}

fn layouts(built: &Built) -> Result<Layouts> {
    let folder = tempfile::tempdir().doing("make a temporary folder for", &built.source_tree)?;
    let include = built.source_tree.join("Include");
    let mut probe =
        String::from("#define PY_SSIZE_T_CLEAN\n#include <Python.h>\n#include <expat.h>\n");
    let mut headers = Vec::new();
    for entry in std::fs::read_dir(&include).doing("list", &include)? {
        headers.push(
            entry
                .doing("list", &include)?
                .file_name()
                .to_string_lossy()
                .into_owned(),
        );
    }
    headers.retain(|name| name.ends_with(".h"));
    headers.sort();
    for header in headers {
        // The one public header that needs a library which may be missing.
        let condition = if header == "py_curses.h" {
            "__has_include(<curses.h>)"
        } else {
            "1"
        };
        probe += &format!("#if {condition}\n#include <{header}>\n#endif\n");
    }
    let source = folder.path().join("probe.c");
    let library = folder.path().join("probe.so");
    std::fs::write(&source, probe).doing("write", &source)?;
    let output = Command::new(machine::compiler()?)
        // Linked, because references between debug sections are only then filled in.
        .args([
            "-shared",
            "-fPIC",
            "-nostdlib",
            "-w",
            "-gdwarf-5",
            "-fno-eliminate-unused-debug-types",
        ])
        .arg("-I")
        .arg(&built.build_tree)
        .arg("-I")
        .arg(&include)
        .arg("-I")
        .arg(built.source_tree.join("Modules/expat"))
        .arg(&source)
        .arg("-o")
        .arg(&library)
        .output()
        .doing("run the compiler on", &source)?;
    if !output.status.success() {
        return Err(Failure::check("the public headers do not compile")
            .at(include.display())
            .because(String::from_utf8_lossy(&output.stderr)));
    }
    let data = std::fs::read(&library).doing("read", &library)?;
    read(&data).doing("read the debug information of", &library)
}

fn read(data: &[u8]) -> Result<Layouts, Box<dyn std::error::Error>> {
    let file = object::File::parse(data)?;
    let endian = if file.is_little_endian() {
        gimli::RunTimeEndian::Little
    } else {
        gimli::RunTimeEndian::Big
    };
    let load = |id: gimli::SectionId| -> Result<Reader<'_>, gimli::Error> {
        let section = file
            .section_by_name(id.name())
            .and_then(|section| section.data().ok());
        Ok(gimli::EndianSlice::new(section.unwrap_or_default(), endian))
    };
    let dwarf = gimli::Dwarf::load(load)?;
    let mut layouts = Layouts::new();
    let mut units = dwarf.units();
    while let Some(header) = units.next()? {
        let unit = dwarf.unit(header)?;
        let types = Types {
            dwarf: &dwarf,
            unit: &unit,
        };
        let mut entries = unit.entries();
        while let Some((_, die)) = entries.next_dfs()? {
            if let Some((name, at)) = types.named(die)? {
                layouts.insert(name, types.layout(at)?);
            }
        }
    }
    if layouts.is_empty() {
        return Err("it describes no struct".into());
    }
    Ok(layouts)
}

/// The types of one compilation unit.
struct Types<'a, 'u> {
    dwarf: &'u gimli::Dwarf<Reader<'a>>,
    unit: &'u gimli::Unit<Reader<'a>>,
}

impl<'a> Types<'a, '_> {
    /// The name of a struct, union, or typedef of one without a name; and where its fields are.
    fn named(
        &self,
        die: &Die<'a, '_>,
    ) -> Result<Option<(String, gimli::UnitOffset)>, gimli::Error> {
        let compound = matches!(
            die.tag(),
            gimli::DW_TAG_structure_type | gimli::DW_TAG_union_type
        );
        if compound && die.attr(gimli::DW_AT_declaration)?.is_none() {
            let name = self.name(die)?;
            return Ok(name.map(|name| (format!("struct {name}"), die.offset())));
        }
        if die.tag() != DW_TAG_typedef {
            return Ok(None);
        }
        let Some(target) = self.target(die)? else {
            return Ok(None);
        };
        let nameless = self.name(&target)?.is_none();
        let compound = matches!(
            target.tag(),
            gimli::DW_TAG_structure_type | gimli::DW_TAG_union_type
        );
        let name = self.name(die)?.filter(|_| nameless && compound);
        Ok(name.map(|name| (name, target.offset())))
    }

    fn name(&self, die: &Die<'a, '_>) -> Result<Option<String>, gimli::Error> {
        match die.attr_value(gimli::DW_AT_name)? {
            Some(value) => {
                let text = self.dwarf.attr_string(self.unit, value)?;
                Ok(Some(text.to_string_lossy().into_owned()))
            }
            None => Ok(None),
        }
    }

    /// The entry that `DW_AT_type` points to.
    fn target(&self, die: &Die<'a, '_>) -> Result<Option<Die<'a, '_>>, gimli::Error> {
        match die.attr_value(DW_AT_type)? {
            Some(AttributeValue::UnitRef(offset)) => self.unit.entry(offset).map(Some),
            _ => Ok(None),
        }
    }

    fn layout(&self, offset: gimli::UnitOffset) -> Result<Layout, gimli::Error> {
        let size = number(&self.unit.entry(offset)?, gimli::DW_AT_byte_size)?.unwrap_or(0);
        let mut fields = Vec::new();
        self.fields(offset, "", 0, &mut fields)?;
        Ok((size, fields))
    }

    /// Adds the fields of the struct at `offset`; those of structs without a name within it are added as its own.
    fn fields(
        &self,
        offset: gimli::UnitOffset,
        path: &str,
        start: u64,
        fields: &mut Vec<(String, u64, u64)>,
    ) -> Result<(), gimli::Error> {
        let mut tree = self.unit.entries_tree(Some(offset))?;
        let mut children = tree.root()?.children();
        while let Some(child) = children.next()? {
            let die = child.entry();
            if die.tag() != DW_TAG_member {
                continue;
            }
            let bytes = number(die, gimli::DW_AT_data_member_location)?.unwrap_or(0);
            let bits = number(die, gimli::DW_AT_data_bit_offset)?.unwrap_or(0);
            let at = start + bytes * 8 + bits;
            let name = format!("{path}{}", self.name(die)?.unwrap_or_default());
            let size = match number(die, gimli::DW_AT_bit_size)? {
                Some(bits) => bits,
                None => self.size(die)? * 8,
            };
            if let Some(target) = self.target(die)? {
                let compound = matches!(
                    target.tag(),
                    gimli::DW_TAG_structure_type | gimli::DW_TAG_union_type
                );
                if compound && self.name(&target)?.is_none() {
                    self.fields(target.offset(), &format!("{name}."), at, fields)?;
                }
            }
            fields.push((name, at, size));
        }
        Ok(())
    }

    /// Size in bytes of the type that `die` has.
    fn size(&self, die: &Die<'a, '_>) -> Result<u64, gimli::Error> {
        let Some(target) = self.target(die)? else {
            return Ok(0);
        };
        if let Some(size) = number(&target, gimli::DW_AT_byte_size)? {
            return Ok(size);
        }
        if target.tag() != gimli::DW_TAG_array_type {
            return self.size(&target);
        }
        let mut length = self.size(&target)?;
        let mut tree = self.unit.entries_tree(Some(target.offset()))?;
        let mut ranges = tree.root()?.children();
        while let Some(range) = ranges.next()? {
            // An array without a length has no upper bound, and takes no space.
            length *= match number(range.entry(), gimli::DW_AT_upper_bound)? {
                Some(bound) => bound.saturating_add(1),
                None => number(range.entry(), gimli::DW_AT_count)?.unwrap_or(0),
            };
        }
        Ok(length)
    }
}

fn number(die: &Die<'_, '_>, name: gimli::DwAt) -> Result<Option<u64>, gimli::Error> {
    Ok(die
        .attr(name)?
        .and_then(|attribute| attribute.udata_value()))
}
