//! The linked module with its relocations: which function is where, and how to silence one before anything looks at it.
//!
//! A module linked with `--emit-relocs` says in its custom sections which bytes of the code name a function or an
//! address. Invariant: no byte of the code moves. What is silenced keeps its length and loses its relocations, so that
//! whoever follows these sees no longer what it called, nor the data that only it read.

use std::collections::HashMap;
use std::ops::Range;

use anyhow::{Context, Result};
use wasm_encoder::{CustomSection, Encode, RawSection};
use wasmparser::{
    BinaryReader, KnownCustom, Name, Operator, OperatorsReader, Parser, Payload, RelocAddendKind, RelocSectionReader,
    TypeRef,
};

/// The code's relocations, by the name that linkers give them.
const CODE_RELOCATIONS: &str = "reloc.CODE";
const UNREACHABLE: u8 = 0x00;
const NOP: u8 = 0x01;

/// A module as the linker wrote it.
#[derive(Debug)]
pub(crate) struct Linked {
    bytes: Vec<u8>,
    functions: Vec<Function>,
    /// Where the code section's content begins: what relocations count from.
    code: usize,
}

/// A function that the module defines.
#[derive(Debug)]
pub(crate) struct Function {
    /// By what calls name it.
    pub(crate) index: u32,
    /// As a person reads it, without the compiler's hash; empty if it has none.
    pub(crate) name: String,
    /// Its instructions in the module's bytes, without the `end` of the whole.
    pub(crate) code: Range<usize>,
}

impl Linked {
    /// Reads what is said of functions.
    pub(crate) fn parse(bytes: Vec<u8>) -> Result<Self> {
        let (mut imported, mut bodies, mut code) = (0, Vec::new(), 0);
        let mut names = HashMap::new();
        for payload in Parser::new(0).parse_all(&bytes) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                    }
                }
                Payload::CodeSectionStart { range, .. } => code = at(range.start)?,
                Payload::CodeSectionEntry(body) => {
                    let start = body.get_operators_reader()?.original_position();
                    bodies.push(at(start)?..at(body.range().end)? - 1);
                }
                Payload::CustomSection(section) => {
                    if let KnownCustom::Name(subsections) = section.as_known() {
                        for subsection in subsections {
                            if let Name::Function(map) = subsection? {
                                for entry in map {
                                    let entry = entry?;
                                    names.insert(entry.index, format!("{:#}", rustc_demangle::demangle(entry.name)));
                                }
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        let functions = (imported..)
            .zip(bodies)
            .map(|(index, code)| Function { index, name: names.remove(&index).unwrap_or_default(), code })
            .collect();
        Ok(Self { bytes, functions, code })
    }

    /// The functions, in their order.
    pub(crate) fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The instructions of a function, with the bytes of each.
    pub(crate) fn instructions(&self, code: &Range<usize>) -> Result<Vec<(Operator<'_>, Range<usize>)>> {
        let mut reader = OperatorsReader::new(BinaryReader::new(&self.bytes[code.clone()], code.start as u64));
        let mut instructions = Vec::new();
        while !reader.eof() {
            let start = at(reader.original_position())?;
            let operator = reader.read()?;
            instructions.push((operator, start..at(reader.original_position())?));
        }
        Ok(instructions)
    }

    /// The first byte of an instruction.
    pub(crate) fn opcode(&self, place: &Range<usize>) -> u8 {
        self.bytes[place.start]
    }

    /// The module with a trap in the place of each of `places`: whole instructions, in order, none within another.
    pub(crate) fn silence(mut self, places: &[Range<usize>]) -> Result<Vec<u8>> {
        for place in places {
            let [trap, rest @ ..] = &mut self.bytes[place.clone()] else { continue };
            *trap = UNREACHABLE;
            rest.fill(NOP);
        }
        let mut module = wasm_encoder::Module::new();
        for payload in Parser::new(0).parse_all(&self.bytes) {
            let payload = payload?;
            let Some((id, range)) = payload.as_section() else { continue };
            if let Payload::CustomSection(custom) = &payload
                && let (CODE_RELOCATIONS, KnownCustom::Reloc(reader)) = (custom.name(), custom.as_known())
            {
                let data = self.relocations(&reader, places)?;
                module.section(&CustomSection { name: CODE_RELOCATIONS.into(), data: data.into() });
            } else {
                module.section(&RawSection { id, data: &self.bytes[at(range.start)?..at(range.end)?] });
            }
        }
        Ok(module.finish())
    }

    /// The section's entries that lie in none of `places`, encoded as they were.
    fn relocations(&self, section: &RelocSectionReader, places: &[Range<usize>]) -> Result<Vec<u8>> {
        let mut kept = Vec::new();
        for entry in section.entries() {
            let entry = entry?;
            let byte = self.code + entry.offset as usize;
            let next = places.partition_point(|place| place.end <= byte);
            if places.get(next).is_none_or(|place| byte < place.start) {
                kept.push(entry);
            }
        }
        let mut data = Vec::new();
        section.section_index().encode(&mut data);
        u32::try_from(kept.len())?.encode(&mut data);
        for entry in kept {
            data.push(entry.ty as u8);
            entry.offset.encode(&mut data);
            entry.index.encode(&mut data);
            if entry.ty.addend_kind() != RelocAddendKind::None {
                entry.addend.encode(&mut data);
            }
        }
        Ok(data)
    }
}

fn at(offset: u64) -> Result<usize> {
    usize::try_from(offset).context("the module is larger than memory")
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use wasm_encoder::{
        CodeSection, ExportKind, ExportSection, Function, FunctionSection, Module, NameMap, NameSection, TypeSection,
        ValType,
    };

    use super::*;

    /// What stands for a call in [`module`]: `[CALL, index]`.
    pub(crate) const CALL: u8 = 0xff;

    /// A module of functions without parameters, by name and instructions; a relocation stands for each call.
    pub(crate) fn module(functions: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut types, mut listed, mut exports) = (TypeSection::new(), FunctionSection::new(), ExportSection::new());
        let (mut code, mut names, mut relocations) = (CodeSection::new(), NameMap::new(), Vec::new());
        types.ty().function([], [ValType::I32]);
        for (index, (name, instructions)) in (0_u32..).zip(functions) {
            listed.function(0);
            exports.export(name, ExportKind::Func, index);
            names.append(index, name);
            let mut function = Function::new([]);
            let mut rest = *instructions;
            while let [first, after @ ..] = rest {
                rest = if let (&CALL, [called, after @ ..]) = (first, after) {
                    // After the count of functions, and of this one: its length, its locals, what it has so far.
                    relocations.push((1 + code.byte_len() + 1 + function.byte_len() + 1, *called));
                    function.raw([0x10, called | 0x80, 0x80, 0x80, 0x80, 0]);
                    after
                } else {
                    function.raw([*first]);
                    after
                };
            }
            function.raw([0x0b]);
            code.function(&function);
        }
        let mut section = NameSection::new();
        section.functions(&names);
        let mut data = vec![3, u8::try_from(relocations.len()).unwrap()];
        for (place, called) in relocations {
            data.extend([0, u8::try_from(place).unwrap(), called]);
        }
        let mut module = Module::new();
        module.section(&types).section(&listed).section(&exports).section(&code);
        module.section(&CustomSection { name: CODE_RELOCATIONS.into(), data: data.into() }).section(&section);
        module.finish()
    }

    /// The instructions of each function, with [`CALL`] for a call.
    pub(crate) fn instructions(module: &[u8]) -> Vec<Vec<u8>> {
        let linked = Linked::parse(module.to_vec()).unwrap();
        let written = |function: &super::Function| {
            let mut bytes = Vec::new();
            for (operator, place) in linked.instructions(&function.code).unwrap() {
                match operator {
                    Operator::Call { function_index } => bytes.extend([CALL, u8::try_from(function_index).unwrap()]),
                    _ => bytes.extend(&module[place]),
                }
            }
            bytes
        };
        linked.functions().iter().map(written).collect()
    }

    /// Which functions the relocations that are left name.
    pub(crate) fn named(module: &[u8]) -> Vec<u32> {
        for payload in Parser::new(0).parse_all(module) {
            if let Payload::CustomSection(custom) = payload.unwrap()
                && let KnownCustom::Reloc(reader) = custom.as_known()
            {
                return reader.entries().into_iter().map(|entry| entry.unwrap().index).collect();
            }
        }
        Vec::new()
    }

    #[test]
    fn names_and_code_belong_together() {
        let bytes = module(&[("a::b", &[CALL, 1]), ("_ZN1a1c17h0123456789abcdefE", &[0x41, 7])]);
        let linked = Linked::parse(bytes.clone()).unwrap();
        let functions: Vec<_> = linked.functions().iter().map(|f| (f.index, f.name.as_str())).collect();
        assert_eq!(functions, [(0, "a::b"), (1, "a::c")]);
        assert_eq!(instructions(&bytes), [vec![CALL, 1], vec![0x41, 7]]);
    }

    #[test]
    fn what_is_silenced_keeps_its_length_and_loses_its_relocations() {
        let bytes = module(&[("a", &[CALL, 1]), ("b", &[CALL, 2]), ("c", &[CALL, 0])]);
        let linked = Linked::parse(bytes.clone()).unwrap();
        let code = linked.functions()[1].code.clone();
        let silenced = linked.silence(&[code]).unwrap();
        assert_eq!((named(&bytes), named(&silenced)), (vec![1, 2, 0], vec![1, 0]));
        assert_eq!(instructions(&silenced), [vec![CALL, 1], vec![0, 1, 1, 1, 1, 1], vec![CALL, 0]]);
        assert_eq!(silenced.len(), bytes.len() - 3, "an entry of three bytes");
    }
}
