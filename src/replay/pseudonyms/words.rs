//! Words of specifications: names of fields, types of events and other values that say nothing about anybody. Whatever is not here may
//! be somebody's own word, and is treated as text; so a list that lacks a word costs a detail, and no secret.

/// How types and names begin that a specification, or a well-known client, has given.
const NAMESPACES: &[&str] = &[
    "m.",
    "org.matrix.",
    "chat.fluffy.",
    "com.beeper.",
    "com.famedly.",
    "de.sorunome.",
    "dm.filament.",
    "im.ferdium.",
    "im.fluffychat.",
    "im.nheko.",
    "im.ponies.",
    "im.vector.",
    "io.element.",
    "uk.half-shot.",
    "xyz.amorgan.",
];

/// Names of fields.
const FIELDS: &str = "\
    action additional_creators age alg algorithm alias allow allow_ip_literals alt_aliases answers aliases avatar_url ban blurhash body \
    call_id caption changed ciphertext content creator currently_active deny description device_id displayname display_name duration \
    ephemeral event_id events events_default ext file filename format formatted_body from_device geo_uri guest_access h hashes \
    historical history_visibility id info invite invite_room_state is_animated is_direct is_falling_back itemtype itemtypes iv \
    join_authorised_via_users_server join_rule k key key_ops key_validity_url kick kind kty last_active_ago left lifetime \
    max_selections membership methods mimetype msgtype name notifications offer origin origin_server_ts party_id pinned predecessor \
    presence prev_content prev_sender public_key public_keys question reason redact redacted_because redacted_by redacts rel_type \
    replacement_room replaces_state room room_id room_version rotation_period_ms rotation_period_msgs sdp sender sender_key \
    server_notice_type session_id sha256 shortcode signed size state_default state_key status_msg third_party_invite thread_id \
    thumbnail_file thumbnail_info thumbnail_url to to_device token topic transaction_id ts type unsigned uri url user_id user_ids users \
    users_default v value version via w";

/// Fields whose values are such words.
const WORDS: &[&str] = &[
    "algorithm",
    "format",
    "guest_access",
    "history_visibility",
    "join_rule",
    "kind",
    "membership",
    "mimetype",
    "msgtype",
    "presence",
    "rel_type",
    "room_version",
    "type",
];

/// Values without a namespace.
const VALUES: &str = "\
    ban can_join forbidden invite invited join joined knock knock_restricted leave offline online private public restricted shared \
    unavailable world_readable";

/// Types of media (RFC 6838, section 4.2.7).
const MEDIA: &[&str] = &[
    "application",
    "audio",
    "font",
    "image",
    "message",
    "model",
    "multipart",
    "text",
    "video",
];

/// Fields of which the numbers are times, sizes, counts or levels of power.
const COUNTED: &str = "\
    age ban duration events_default h invite kick last_active_ago lifetime max_selections origin_server_ts redact rotation_period_ms \
    rotation_period_msgs size state_default ts users_default w";

/// Whether this is the name of a field in a specification.
pub(super) fn is_field(name: &str) -> bool {
    is_one_of(FIELDS, name) || has_namespace(name)
}

/// Whether the value of a field is a word of a specification: `m.room.message`, `org.matrix.custom.html`, `image/png`.
pub(super) fn is_word(field: &str, text: &str) -> bool {
    WORDS.contains(&field)
        && match field {
            "mimetype" => is_media_type(text),
            "room_version" if text.len() <= 3 => text.bytes().all(|byte| byte.is_ascii_digit()),
            _ => is_one_of(VALUES, text) || has_namespace(text),
        }
}

/// Whether a number in this field is a time, a size, a count or a level.
pub(super) fn is_counted(field: &str) -> bool {
    is_one_of(COUNTED, field) || has_namespace(field)
}

/// Whether a field of this name says how somebody is called.
pub(super) fn names_somebody(field: &str) -> bool {
    matches!(field, "displayname" | "display_name")
}

/// Whether a list of words, between spaces, holds this one.
pub(super) fn is_one_of(list: &str, word: &str) -> bool {
    list.split(' ').any(|known| known == word)
}

/// `m.room.member`, in lower case as all of them are.
fn has_namespace(text: &str) -> bool {
    text.len() <= 64
        && NAMESPACES.iter().any(|namespace| text.starts_with(namespace))
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
}

fn is_media_type(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".+-".contains(&byte);
    text.len() <= 100
        && text
            .split_once('/')
            .is_some_and(|(kind, subtype)| MEDIA.contains(&kind) && subtype.bytes().all(allowed))
}
