//! The two shapes every wire type has: a closed set of words, and a closed set of messages told apart by `type`.
//! One list gives the type, its names on the wire and its decoding, so that they cannot drift apart.

/// A closed set of words, snake_case on the wire. A new word needs a new protocol version.
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $word:literal => $variant:ident,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// Every word of the set, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as it stands on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            /// # Errors
            /// Names the words there are; for a person's typing error.
            fn from_str(word: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|known| known.as_str()).collect();
                    format!("{word:?} is none of {}", known.join(", "))
                })
            }
        }
    };
}

/// A closed set of messages, one struct each, named by `type` on the wire.
macro_rules! messages {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $tag:literal => $variant:ident,)+ }) => {
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        $(#[$meta])*
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $tag)] $variant($variant),)+ }

        impl $name {
            /// The `type` of every message of the set, in the order of the document.
            pub const NAMES: &'static [&'static str] = &[$($tag),+];

            /// The `type` of this message.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $tag,)+ }
            }

            /// Reads the message called `name`; none if there is no such message. Fields that are not its own,
            /// `type` among them, are passed over.
            ///
            /// # Errors
            /// Whatever `deserializer` says when the fields are not those of `name`.
            pub fn read_as<'de, D>(name: &str, deserializer: D) -> Option<Result<Self, D::Error>>
            where
                D: serde::Deserializer<'de>,
            {
                match name {
                    $($tag => Some(<$variant as serde::Deserialize>::deserialize(deserializer).map(Self::$variant)),)+
                    _ => None,
                }
            }
        }

        $(impl From<$variant> for $name {
            fn from(message: $variant) -> Self {
                Self::$variant(message)
            }
        })+
    };
}
