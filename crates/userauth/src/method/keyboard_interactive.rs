//! The method `keyboard-interactive` (RFC 4256): rounds of prompts and responses.

use konko_wire::encode::{Encode, put_string, put_u32};
use konko_wire::message::userauth::{
    InfoPrompt, KeyboardInteractive, MAXIMUM_PROMPTS, UserauthInfoRequest, UserauthInfoResponse,
};
use zeroize::Zeroizing;

use crate::attempt::AttemptKind;
use crate::error::AuthError;
use crate::method::password::secret;
use crate::question::{Prompt, Prompts};

/// The fields of a request that starts a dialogue.
pub(crate) fn request_fields(submethods: &str) -> Vec<u8> {
    // RFC 4256 §3.1: the language tag "SHOULD be the empty string"
    KeyboardInteractive { language_tag: b"", submethods: submethods.as_bytes() }.to_vec()
}

/// What a server asks in an SSH_MSG_USERAUTH_INFO_REQUEST.
pub(crate) fn decode_prompts(payload: &[u8]) -> Result<Prompts, AuthError> {
    let message =
        UserauthInfoRequest::decode(payload).map_err(AuthError::decoding(UserauthInfoRequest::NAME))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Prompts {
        name: text(message.name),
        instruction: text(message.instruction),
        prompts: message
            .prompts
            .iter()
            .map(|prompt| Prompt { text: text(prompt.prompt), echo: prompt.echo })
            .collect(),
    })
}

/// Whether one SSH_MSG_USERAUTH_INFO_REQUEST can carry them: at most 100, each with a text.
///
/// RFC 4256 §3.2: "The prompt field(s) MUST NOT be empty strings."
pub(crate) fn can_be_asked(prompts: &Prompts) -> bool {
    prompts.prompts.len() <= MAXIMUM_PROMPTS as usize
        && prompts.prompts.iter().all(|prompt| !prompt.text.is_empty())
}

/// The message that asks them. See [`can_be_asked`].
pub(crate) fn info_request(prompts: &Prompts) -> UserauthInfoRequest<'_> {
    UserauthInfoRequest {
        name: prompts.name.as_bytes(),
        instruction: prompts.instruction.as_bytes(),
        language_tag: b"",
        prompts: prompts
            .prompts
            .iter()
            .map(|prompt| InfoPrompt { prompt: prompt.text.as_bytes(), echo: prompt.echo })
            .collect(),
    }
}

/// The payload of an SSH_MSG_USERAUTH_INFO_RESPONSE.
pub(crate) fn response_payload(responses: &[Zeroizing<String>]) -> Zeroizing<Vec<u8>> {
    let len: usize = responses.iter().map(|response| 4 + response.len()).sum();
    // Room for all of it from the start, so that no copy is left behind by growing.
    let mut payload = Zeroizing::new(Vec::with_capacity(1 + 4 + len));
    payload.push(UserauthInfoResponse::NUMBER);
    put_u32(&mut payload, u32::try_from(responses.len()).unwrap_or(u32::MAX));
    for response in responses {
        put_string(&mut payload, response.as_bytes());
    }
    payload
}

/// What a server makes of a request's fields; `None` refuses it without asking the application.
pub(crate) fn attempt(fields: &[u8]) -> Result<Option<AttemptKind>, AuthError> {
    let fields = KeyboardInteractive::decode(fields)
        .map_err(AuthError::decoding("the keyboard-interactive request"))?;
    let submethods = std::str::from_utf8(fields.submethods).ok();
    Ok(submethods.map(|names| AttemptKind::KeyboardInteractive { submethods: names.to_owned() }))
}

/// What a server makes of the responses to `asked` prompts; `None` refuses them without asking the application.
pub(crate) fn responses(
    payload: &[u8],
    asked: usize,
    maximum_len: usize,
) -> Result<Option<AttemptKind>, AuthError> {
    let message =
        UserauthInfoResponse::decode(payload).map_err(AuthError::decoding(UserauthInfoResponse::NAME))?;
    // RFC 4256 §3.4: "If the num-responses field does not match the num-prompts field in the request message, the
    // server MUST send a failure message."
    if message.responses.len() != asked {
        return Ok(None);
    }
    let responses: Option<Vec<_>> =
        message.responses.iter().map(|response| secret(response, maximum_len)).collect();
    Ok(responses.map(|responses| AttemptKind::KeyboardInteractiveResponses { responses }))
}
