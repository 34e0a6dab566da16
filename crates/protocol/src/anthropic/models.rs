use bytes::Bytes;
use tollbridge_core::Error;
use tollbridge_types::{Json, ModelInfo, Protocol};

use crate::ModelsCodec;
use crate::object::{Fields, Object};

const PROTOCOL: Protocol = Protocol::ANTHROPIC_MODELS;

/// Reads and writes Anthropic model lists.
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
            let mut model = ModelInfo::new(fields.find_text("id")?);
            fields.take("type");
            model.display_name = fields.find_text("display_name");
            model.input_limit = fields.find_count("max_input_tokens");
            model.output_limit = fields.find_count("max_tokens");
            model.owner = Some("anthropic".to_owned());
            model.extras = fields.into_extras(PROTOCOL);
            crate::model_abilities::read(json, &mut model);
            Some(model)
        };
        Ok(body.find_list("data").iter().filter_map(model).collect())
    }

    fn encode_reply(&self, models: &[ModelInfo]) -> Result<Bytes, Error> {
        let mut body = Fields::new();
        body.put("data", &models.iter().map(entry).collect::<Vec<_>>()).put("has_more", &false);
        body.put("first_id", &models.first().map(|model| &model.id));
        body.put("last_id", &models.last().map(|model| &model.id));
        Ok(body.to_bytes())
    }

    fn encode_one(&self, model: &ModelInfo) -> Bytes {
        entry(model).to_bytes()
    }
}

fn entry(model: &ModelInfo) -> Fields {
    let mut fields = Fields::new();
    fields.put("type", "model").put("id", &model.id);
    fields.put("display_name", model.display_name.as_ref().unwrap_or(&model.id));
    fields.put_extras(&model.extras, PROTOCOL);
    if !model.capabilities.is_empty() && !fields.has("capabilities") {
        fields.put("capabilities", &model.capabilities);
    }
    if !fields.has("created_at") {
        fields.put("created_at", "1970-01-01T00:00:00Z");
    }
    fields
}
