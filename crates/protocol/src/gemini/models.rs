use bytes::Bytes;
use tollbridge_core::Error;
use tollbridge_types::{Json, ModelInfo, Protocol};

use crate::ModelsCodec;
use crate::object::{Fields, Object};

const PROTOCOL: Protocol = Protocol::GEMINI_MODELS;

/// Reads and writes Gemini model lists.
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
            let name = fields.find_text("name")?;
            let mut model = ModelInfo::new(name.strip_prefix("models/").unwrap_or(&name));
            model.display_name = fields.find_text("displayName");
            model.input_limit = fields.find_count("inputTokenLimit");
            model.output_limit = fields.find_count("outputTokenLimit");
            model.owner = Some("google".to_owned());
            model.extras = fields.into_extras(PROTOCOL);
            crate::model_abilities::read(json, &mut model);
            Some(model)
        };
        Ok(body.find_list("models").iter().filter_map(model).collect())
    }

    fn encode_reply(&self, models: &[ModelInfo]) -> Result<Bytes, Error> {
        let mut body = Fields::new();
        body.put("models", &models.iter().map(entry).collect::<Vec<_>>());
        Ok(body.to_bytes())
    }

    fn encode_one(&self, model: &ModelInfo) -> Bytes {
        entry(model).to_bytes()
    }
}

fn entry(model: &ModelInfo) -> Fields {
    let mut fields = Fields::new();
    fields.put("name", &format!("models/{}", model.id));
    fields.put("displayName", model.display_name.as_ref().unwrap_or(&model.id));
    fields.put_some("inputTokenLimit", model.input_limit).put_some("outputTokenLimit", model.output_limit);
    fields.put_extras(&model.extras, PROTOCOL);
    if !model.capabilities.is_empty() && !fields.has("capabilities") {
        fields.put("capabilities", &model.capabilities);
    }
    if !fields.has("supportedGenerationMethods") {
        fields.put("supportedGenerationMethods", &["generateContent", "streamGenerateContent"]);
    }
    fields
}
