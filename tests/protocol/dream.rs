//! Dreams up a value of any type that can be deserialized: a deserializer that has no input, only a seed.
//! A message added to the library is covered by the property tests without a line here.

use serde::de::value::{Error, StrDeserializer};
use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

/// SplitMix64: the seed alone decides what is dreamt.
pub(crate) struct Dream {
    state: u64,
    /// Every struct that was asked for, in order: its name and its fields on the wire.
    pub(crate) structs: Vec<(&'static str, &'static [&'static str])>,
}

impl Dream {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed, structs: Vec::new() }
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number() % end as u64).unwrap()
    }

    /// Every width of MessagePack number is as likely as any other.
    fn width(&mut self) -> u64 {
        let shift = self.below(64);
        match self.below(16) {
            0 => u64::MAX,
            _ => self.number() >> shift,
        }
    }

    fn words(&mut self) -> String {
        const LETTERS: [char; 8] = ['a', ' ', 'Z', '\0', 'ق', '☎', '\u{1F6A8}', '"'];
        let longest = [4, 40, 300][self.below(3)];
        (0..self.below(longest)).map(|_| LETTERS[self.below(LETTERS.len())]).collect()
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $type:ty,)+) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let number = self.width();
            visitor.$visit(<$type>::try_from(number).unwrap_or(number.to_le_bytes()[0].into()))
        }
    )+ };
}

impl<'de> de::Deserializer<'de> for &mut Dream {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        panic!("a message asked for just anything: it has a field without a type")
    }

    whole_numbers! {
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.below(2) == 0)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let degrees = self.number() % 360_000_000;
        visitor.visit_f64(degrees as f64 / 1e6 - 180.0)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.words())
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.words())
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let halves = [self.number(), self.number()].map(u64::to_le_bytes);
        visitor.visit_bytes(halves.as_flattened())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.below(2) {
            0 => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let left = self.below(4);
        visitor.visit_seq(Items { dream: self, left })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.structs.push((name, fields));
        visitor.visit_map(Fields { dream: self, fields })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let word: StrDeserializer<'_, Error> =
            variants[self.below(variants.len())].into_deserializer();
        visitor.visit_enum(word)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 f32 char byte_buf unit unit_struct tuple tuple_struct map identifier ignored_any
    }
}

struct Items<'d> {
    dream: &'d mut Dream,
    left: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.dream).map(Some)
    }
}

struct Fields<'d> {
    dream: &'d mut Dream,
    fields: &'static [&'static str],
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((field, rest)) = self.fields.split_first() else {
            return Ok(None);
        };
        self.fields = rest;
        let name: StrDeserializer<'_, Error> = (*field).into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(&mut *self.dream)
    }
}
