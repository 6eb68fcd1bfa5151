//! What an NVS partition should hold, kept beside it.

use std::collections::BTreeMap;

use embedded_storage::nor_flash::{NorFlash, NorFlashErrorKind};
use updraft_flash::nvs::{Kind, Nvs, NvsError};

/// A value of any type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    U8(u8),
    I16(i16),
    U32(u32),
    I64(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// A change.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Set(&'static str, &'static str, Value),
    Erase(&'static str, &'static str),
}

impl Change {
    pub(crate) fn apply<F: NorFlash>(&self, nvs: &mut Nvs<F>) -> Result<(), NvsError<F::Error>> {
        match self {
            Self::Erase(namespace, key) => nvs.erase_key(namespace, key).map(drop),
            Self::Set(namespace, key, value) => match value {
                Value::U8(number) => nvs.set(namespace, key, *number),
                Value::I16(number) => nvs.set(namespace, key, *number),
                Value::U32(number) => nvs.set(namespace, key, *number),
                Value::I64(number) => nvs.set(namespace, key, *number),
                Value::Text(text) => nvs.set_str(namespace, key, text),
                Value::Blob(blob) => nvs.set_blob(namespace, key, blob),
            },
        }
    }

    pub(crate) fn apply_to(&self, contents: &mut Contents) {
        match self {
            Self::Erase(namespace, key) => {
                contents.remove(&(namespace.to_string(), key.to_string()));
            }
            Self::Set(namespace, key, value) => {
                contents.insert((namespace.to_string(), key.to_string()), value.clone());
            }
        }
    }
}

/// All values by namespace and key.
pub(crate) type Contents = BTreeMap<(String, String), Value>;

/// Everything an NVS partition holds, read by the public calls.
pub(crate) fn contents<F>(nvs: &mut Nvs<F>) -> Result<Contents, NvsError<NorFlashErrorKind>>
where
    F: NorFlash<Error = NorFlashErrorKind>,
{
    let entries = nvs.entries().collect::<Result<Vec<_>, _>>()?;
    let mut contents = Contents::new();
    for entry in entries {
        let (namespace, key) = (entry.namespace.to_string(), entry.key.to_string());
        let mut buffer = vec![0; entry.size];
        let value = match entry.kind {
            Kind::U8 => nvs.get(&namespace, &key)?.map(Value::U8),
            Kind::I16 => nvs.get(&namespace, &key)?.map(Value::I16),
            Kind::U32 => nvs.get(&namespace, &key)?.map(Value::U32),
            Kind::I64 => nvs.get(&namespace, &key)?.map(Value::I64),
            Kind::Text => nvs
                .get_str(&namespace, &key, &mut buffer)?
                .map(|text| Value::Text(text.into())),
            Kind::Blob | Kind::OldBlob => nvs
                .get_blob(&namespace, &key, &mut buffer)?
                .map(|blob| Value::Blob(blob.into())),
            other => panic!("nothing here writes a {other:?}"),
        };
        let value = value.expect("a listed key has a value");
        assert_eq!(
            contents.insert((namespace, key), value),
            None,
            "{entry:?} is listed twice"
        );
    }
    Ok(contents)
}
