//! Answers as values of Rust types.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tollbridge_core::{Error, ErrorKind};
use tollbridge_types::{Json, ResponseFormat};

use crate::call::ChatCall;
use crate::fitting::Typed;

impl ChatCall {
    /// Asks for a value of a type, and asks again if the answer is none.
    ///
    /// The schema that is sent is made of the type, by the rules that vendors hold models to strictly:
    /// every property is required, an `Option` may be `null`, and nothing else may be there. Whatever
    /// the vendor promises, the answer is read and checked here. An answer that does not fit goes back
    /// to the model with what is wrong with it, until `attempts` answers have come.
    ///
    /// ```no_run
    /// # async fn example(client: tollbridge::Client) -> Result<(), tollbridge::Error> {
    /// #[derive(serde::Deserialize, tollbridge::schemars::JsonSchema)]
    /// # #[schemars(crate = "tollbridge::schemars")]
    /// struct Person {
    ///     name: String,
    ///     age: u8,
    /// }
    ///
    /// let ada = client.chat("openai/gpt-5", "Who was Ada Lovelace?").typed::<Person>(2).await?;
    /// println!("{} became {}", ada.name, ada.age);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// What the vendor or the network did, and [`ErrorKind::Decode`] with the field that is wrong and the last
    /// answer in [`Error::partial`] if none fits.
    pub async fn typed<T: JsonSchema + DeserializeOwned>(mut self, attempts: u32) -> Result<Typed<T>, Error> {
        self.request.response_format = Some(format_of::<T>()?);
        self.until_it_fits(attempts, read).await
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let fault = error.into_inner().to_string();
        if path == "." { fault } else { format!("`{path}`: {fault}") }
    })?;
    json.end().map_err(|error| error.to_string())?;
    Ok(value)
}

fn format_of<T: JsonSchema>() -> Result<ResponseFormat, Error> {
    let schema = SchemaGenerator::new(SchemaSettings::draft2020_12()).into_root_schema_for::<T>();
    let mut schema = schema.to_value();
    let strict = close(&mut schema);
    let text = schema.to_string();
    let schema = Json::from_text(&text).map_err(|error| Error::new(ErrorKind::InvalidRequest, error.to_string()))?;
    // Some vendors take letters, digits, `_` and `-`, and no more than 64 of them.
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    let name = T::schema_name().chars().take(64).map(letter).collect();
    Ok(ResponseFormat::json_schema(Some(name), None, schema, Some(strict)))
}

/// Makes a schema one that vendors hold a model to, and says whether they can.
fn close(schema: &mut Value) -> bool {
    let mut strict = true;
    match schema {
        Value::Array(list) => list.iter_mut().for_each(|inner| strict &= close(inner)),
        Value::Object(fields) => {
            if fields.contains_key("$ref") {
                fields.retain(|name, _| name == "$ref" || name == "$defs");
            }
            // Names of Rust's own numbers, and what is left out anyway.
            fields.remove("default");
            fields.remove("$schema");
            if fields
                .get("type")
                .is_some_and(|kind| kind.to_string().contains("integer") || kind.to_string().contains("number"))
            {
                fields.remove("format");
            }
            if let Some(options) = fields.remove("oneOf") {
                fields.insert("anyOf".to_owned(), options);
            }
            let names = fields
                .get("properties")
                .and_then(Value::as_object)
                .map(|inner| inner.keys().cloned().map(Value::from).collect());
            if let Some(names) = names {
                fields.insert("required".to_owned(), Value::Array(names));
                fields.insert("additionalProperties".to_owned(), Value::Bool(false));
            } else if fields.get("type").is_some_and(|kind| kind == "object") {
                // A map: its names are not known before.
                strict = false;
            }
            for (name, inner) in fields.iter_mut() {
                match (name.as_str(), inner) {
                    ("properties" | "$defs", Value::Object(each)) => {
                        each.values_mut().for_each(|inner| strict &= close(inner));
                    }
                    ("anyOf" | "allOf" | "items" | "prefixItems" | "additionalProperties", inner) => {
                        strict &= close(inner)
                    }
                    _ => {}
                }
            }
            strict &= !fields.contains_key("allOf") && !fields.contains_key("prefixItems");
        }
        // Anything at all.
        Value::Bool(true) => strict = false,
        _ => {}
    }
    strict
}
