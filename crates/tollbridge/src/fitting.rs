//! Answers that must fit a form: asked for, checked here, and asked for again with what is wrong.

use std::ops::Deref;

use serde_json::Value;
use tollbridge_core::{Error, ErrorKind};
use tollbridge_types::{Json, Message, ResponseFormat};

use crate::answer::Answer;
use crate::call::ChatCall;
use crate::schema::misfit;
use crate::type_expression::schema_of;

/// A value that a model answered with. It reads like the value.
#[derive(Debug)]
#[non_exhaustive]
pub struct Typed<T> {
    /// The value.
    pub value: T,
    /// Every answer that was asked for, all of them paid; only the last one fits.
    pub answers: Vec<Answer>,
}

impl<T> Deref for Typed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// The form of an answer, as a JSON Schema that is known at run time.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerSchema(Value);

impl AnswerSchema {
    /// Takes a JSON Schema.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if it is neither an object nor a boolean.
    pub fn new(schema: Value) -> Result<Self, Error> {
        if schema.is_object() || schema.is_boolean() {
            return Ok(Self(schema));
        }
        Err(Error::invalid("schema", "a JSON Schema is an object").with_hint("write it like {\"type\": \"object\"}"))
    }

    /// Reads a type as Python writes it.
    ///
    /// ```
    /// use tollbridge::AnswerSchema;
    /// let schema = AnswerSchema::of_type("Dict[str, Union[str, int, List[str]]]")?;
    /// let told = schema.misfit(&serde_json::json!({"a": 1.5})).unwrap();
    /// assert!(told.starts_with("`$.a`: 1.5 is none of"), "{told}");
    /// assert_eq!(schema.misfit(&serde_json::json!({"a": ["b"]})), None);
    /// # Ok::<(), tollbridge::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] with what is wrong.
    pub fn of_type(text: &str) -> Result<Self, Error> {
        schema_of(text).map(Self).map_err(|fault| {
            Error::invalid("type", format!("the type cannot be read: {fault}"))
                .with_hint("write it like Dict[str, Union[str, int, List[str]]]")
        })
    }

    /// Returns the schema.
    pub fn as_value(&self) -> &Value {
        &self.0
    }

    /// Says where a value does not fit, and why; `None` if it fits. `pattern` and `format` are not checked.
    pub fn misfit(&self, value: &Value) -> Option<String> {
        misfit(value, &self.0)
    }
}

impl ChatCall {
    /// Asks for JSON that fits a schema, and asks again if the answer does not.
    ///
    /// As [`typed`](Self::typed), for schemas that are known at run time alone.
    ///
    /// # Errors
    /// What the vendor or the network did, and [`ErrorKind::Decode`] with the place that does not fit and the last answer
    /// in [`Error::partial`] if none fits.
    pub async fn fitting(mut self, schema: &AnswerSchema, attempts: u32) -> Result<Typed<Value>, Error> {
        let text = schema.0.to_string();
        let json = Json::from_text(text).map_err(|error| Error::new(ErrorKind::InvalidRequest, error.to_string()))?;
        self.request.response_format = Some(ResponseFormat::json_schema(Some("answer".to_owned()), None, json, None));
        self.until_it_fits(attempts, |text| {
            let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
            schema.misfit(&value).map_or(Ok(value), Err)
        })
        .await
    }

    /// Asks until `read` takes an answer, with its fault in the next turn, up to `attempts` times.
    pub(crate) async fn until_it_fits<T>(
        mut self,
        attempts: u32,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Typed<T>, Error> {
        let mut answers = Vec::new();
        loop {
            let answer = self.clone().send().await?;
            let text = answer.text();
            let fault = match read(json_in(&text)) {
                Ok(value) => {
                    answers.push(answer);
                    return Ok(Typed { value, answers });
                }
                Err(fault) => fault,
            };
            answers.push(answer);
            if answers.len() >= attempts as usize {
                let error = Error::new(ErrorKind::Decode, format!("the answer does not fit its type: {fault}"))
                    .with_hint("allow more attempts, or describe the fields in the type's documentation");
                return Err(match answers.pop() {
                    Some(last) => error.with_provider(last.provider().to_owned()).with_partial(last.into_reply()),
                    None => error,
                });
            }
            let remedy = format!("That does not fit the schema: {fault}. Answer again, with the JSON alone.");
            self.request.messages.extend([Message::assistant(text), Message::user(remedy)]);
        }
    }
}

/// Finds the JSON of an answer: alone, or in a fence, as models write it that were not held to a form.
fn json_in(text: &str) -> &str {
    let text = text.trim();
    let fenced = text.split_once("```").and_then(|(_, rest)| rest.split_once("```")).map(|(inner, _)| inner);
    let fenced = fenced.map(|inner| inner.strip_prefix("json").unwrap_or(inner).trim());
    fenced.filter(|_| !text.starts_with(['{', '['])).unwrap_or(text)
}
