//! A first look at a frame: is it one well-formed MessagePack map, and what are its `type`, `id`, `key`, `version`?
//!
//! It walks the bytes with a fixed stack and copies nothing, so neither nesting nor a declared length can hurt; the
//! typed reading after it meets only values whose lengths are covered by bytes that are really there. Because it is
//! apart from that reading, a refusal can name the request even when its fields are wrong.

use rmp::Marker;

/// Deepest nesting of maps and arrays in a frame; the messages themselves need five.
pub const DEPTH_MAX: usize = 16;

/// What is wrong with the bytes themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) what: &'static str,
    pub(super) at: usize,
}

/// What the first look found, as far as it got.
#[derive(Debug, Default)]
pub(super) struct Outline<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) id: Option<u64>,
    pub(super) key: Option<[u8; 16]>,
    pub(super) version: Option<u64>,
    /// `key` is there and is not 16 bytes.
    pub(super) key_wrong: bool,
    pub(super) flaw: Option<Flaw>,
}

/// Looks over a whole frame.
pub(super) fn outline(frame: &[u8]) -> Outline<'_> {
    let mut found = Outline::default();
    found.flaw = fill(&mut found, frame).err();
    found
}

/// The top-level field whose name or value holds the byte before `position`: where a reader stopped.
pub(super) fn field_before(frame: &[u8], position: usize) -> Option<&str> {
    let mut walk = Walk { frame, at: 0 };
    for _ in 0..walk.map_len().ok()? {
        let start = walk.at;
        let name = walk.text().ok()?;
        walk.skip().ok()?;
        if start < position && position <= walk.at {
            return Some(name);
        }
    }
    None
}

fn fill<'a>(found: &mut Outline<'a>, frame: &'a [u8]) -> Result<(), Flaw> {
    let mut walk = Walk { frame, at: 0 };
    for _ in 0..walk.map_len()? {
        let name = walk.text()?;
        let start = walk.at;
        walk.skip()?;
        let mut value = Walk { frame: &frame[..walk.at], at: start };
        match name {
            "type" if found.name.is_some() => return Err(value.flaw("`type` stands twice")),
            "type" => found.name = Some(value.text()?),
            "id" if found.id.is_some() => return Err(value.flaw("`id` stands twice")),
            "id" => found.id = value.whole_number()?,
            "version" => found.version = value.whole_number()?,
            "key" => match value.key() {
                Ok(key) => found.key = key,
                Err(_) => found.key_wrong = true,
            },
            _ => {}
        }
    }
    if walk.at < frame.len() {
        return Err(walk.flaw("more bytes after the message"));
    }
    Ok(())
}

/// A place in the bytes; every step is checked against what is left of them.
struct Walk<'a> {
    frame: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    const fn flaw(&self, what: &'static str) -> Flaw {
        Flaw { what, at: self.at }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Flaw> {
        let end = self.at.checked_add(len);
        let Some(bytes) = end.and_then(|end| self.frame.get(self.at..end)) else {
            return Err(self.flaw("a value is longer than the frame"));
        };
        self.at += len;
        Ok(bytes)
    }

    fn marker(&mut self) -> Result<Marker, Flaw> {
        Ok(Marker::from_u8(self.take(1)?[0]))
    }

    /// A big-endian number of `len` (at most 8) bytes.
    fn number(&mut self, len: usize) -> Result<u64, Flaw> {
        let bytes = self.take(len)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A declared length of `len` bytes; cannot exceed `usize` where it matters, as `take` compares it.
    fn length(&mut self, len: usize) -> Result<usize, Flaw> {
        Ok(usize::try_from(self.number(len)?).unwrap_or(usize::MAX))
    }

    fn map_len(&mut self) -> Result<usize, Flaw> {
        match self.marker()? {
            Marker::FixMap(len) => Ok(len.into()),
            Marker::Map16 => self.length(2),
            Marker::Map32 => self.length(4),
            _ => Err(Flaw { what: "a message is a map with names", at: 0 }),
        }
    }

    fn text(&mut self) -> Result<&'a str, Flaw> {
        let start = self.at;
        let len = match self.marker()? {
            Marker::FixStr(len) => len.into(),
            Marker::Str8 => self.length(1)?,
            Marker::Str16 => self.length(2)?,
            Marker::Str32 => self.length(4)?,
            _ => {
                return Err(Flaw { what: "names and `type` are text", at: start });
            }
        };
        std::str::from_utf8(self.take(len)?).map_err(|_| Flaw { what: "text is UTF-8", at: start })
    }

    /// A number from 0 up, however wide it was written; nil is none.
    fn whole_number(&mut self) -> Result<Option<u64>, Flaw> {
        let start = self.at;
        let marker = self.marker()?;
        let (number, signed) = match marker {
            Marker::Null => return Ok(None),
            Marker::FixPos(number) => (number.into(), false),
            Marker::U8 => (self.number(1)?, false),
            Marker::U16 => (self.number(2)?, false),
            Marker::U32 => (self.number(4)?, false),
            Marker::U64 => (self.number(8)?, false),
            Marker::I8 => (self.number(1)?, self.frame[start + 1] >= 0x80),
            Marker::I16 => (self.number(2)?, self.frame[start + 1] >= 0x80),
            Marker::I32 => (self.number(4)?, self.frame[start + 1] >= 0x80),
            Marker::I64 => (self.number(8)?, self.frame[start + 1] >= 0x80),
            _ => (0, true),
        };
        if signed {
            return Err(Flaw { what: "`id` and `version` are whole numbers from 0 up", at: start });
        }
        Ok(Some(number))
    }

    fn key(&mut self) -> Result<Option<[u8; 16]>, Flaw> {
        match self.marker()? {
            Marker::Null => Ok(None),
            Marker::Bin8 if self.number(1)? == 16 => Ok(self.take(16)?.try_into().ok()),
            _ => Err(self.flaw("`key` is 16 bytes")),
        }
    }

    /// Passes one value, whatever is in it. The stack is `left`: values still to come at each depth.
    fn skip(&mut self) -> Result<(), Flaw> {
        let mut left = [0_usize; DEPTH_MAX];
        let mut depth = 0;
        left[0] = 1;
        loop {
            while left[depth] == 0 {
                if depth == 0 {
                    return Ok(());
                }
                depth -= 1;
            }
            left[depth] -= 1;
            let inside = self.skip_head()?;
            if inside == 0 {
                continue;
            }
            if inside > self.frame.len() - self.at {
                return Err(self.flaw("a map or array declares more than the frame holds"));
            }
            depth += 1;
            if depth == DEPTH_MAX {
                return Err(self.flaw("maps and arrays are nested too deep"));
            }
            left[depth] = inside;
        }
    }

    /// Passes a scalar whole, or the head of a map or array; gives how many values stand inside.
    fn skip_head(&mut self) -> Result<usize, Flaw> {
        let bytes = match self.marker()? {
            Marker::Null | Marker::True | Marker::False | Marker::FixPos(_) | Marker::FixNeg(_) => {
                0
            }
            Marker::U8 | Marker::I8 => 1,
            Marker::U16 | Marker::I16 => 2,
            Marker::U32 | Marker::I32 | Marker::F32 => 4,
            Marker::U64 | Marker::I64 | Marker::F64 => 8,
            Marker::FixStr(len) => len.into(),
            Marker::Str8 | Marker::Bin8 => self.length(1)?,
            Marker::Str16 | Marker::Bin16 => self.length(2)?,
            Marker::Str32 | Marker::Bin32 => self.length(4)?,
            Marker::FixExt1 => 2,
            Marker::FixExt2 => 3,
            Marker::FixExt4 => 5,
            Marker::FixExt8 => 9,
            Marker::FixExt16 => 17,
            Marker::Ext8 => self.length(1)?.saturating_add(1),
            Marker::Ext16 => self.length(2)?.saturating_add(1),
            Marker::Ext32 => self.length(4)?.saturating_add(1),
            Marker::FixArray(len) => return Ok(len.into()),
            Marker::Array16 => return self.length(2),
            Marker::Array32 => return self.length(4),
            Marker::FixMap(len) => return Ok(usize::from(len) * 2),
            Marker::Map16 => return Ok(self.length(2)?.saturating_mul(2)),
            Marker::Map32 => return Ok(self.length(4)?.saturating_mul(2)),
            Marker::Reserved => return Err(self.flaw("the byte c1 is not MessagePack")),
        };
        self.take(bytes).map(|_| 0)
    }
}
