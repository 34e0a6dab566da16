use bytes::Bytes;
use tollbridge_core::Error;
use tollbridge_types::{Json, ModelInfo, Protocol};

use crate::ModelsCodec;
use crate::object::Object;

const PROTOCOL: Protocol = Protocol::OLLAMA_MODELS;

/// Reads the list of `/api/tags`.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Models;

impl ModelsCodec for Models {
    fn protocol(&self) -> Protocol {
        PROTOCOL
    }

    fn decode_reply(&self, body: &[u8]) -> Result<Vec<ModelInfo>, Error> {
        let mut body = Object::from_vendor(body, "the model list")?;
        let model = |json: &Json| {
            let mut fields = Object::lenient(json);
            let name = fields.find_text("model").or_else(|| fields.find_text("name"))?;
            let mut model = ModelInfo::new(name);
            model.extras = fields.into_extras(PROTOCOL);
            crate::model_abilities::read(json, &mut model);
            Some(model)
        };
        Ok(body.find_list("models").iter().filter_map(model).collect())
    }

    fn encode_reply(&self, _: &[ModelInfo]) -> Result<Bytes, Error> {
        Err(crate::codec::no_clients(PROTOCOL))
    }

    fn encode_one(&self, model: &ModelInfo) -> Bytes {
        crate::codec::OPENAI_MODELS.encode_one(model)
    }
}
