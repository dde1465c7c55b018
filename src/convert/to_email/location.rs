//! Locations: what the place is called, a map, and the coordinates.

use super::content::{self, Content};
use super::line::line;

/// Renders `m.location`, with its unstable extension (MSC3488); `None` when there is neither place nor text.
pub(super) fn location(content: &Content) -> Option<String> {
    let extended = content::either(content, ["m.location", "org.matrix.msc3488.location"]);
    let uri =
        content::text(content, "geo_uri").or_else(|| extended.and_then(|place| content::text(place, "uri")));
    let place = uri.and_then(Place::parse);
    let description = extended
        .and_then(|place| content::text(place, "description"))
        .or_else(|| content::extensible_text(content))
        .or_else(|| content::text(content, "body"));
    // What clients generate repeats the coordinates.
    let description = description
        .map(|text| line(text, 300))
        .filter(|text| !text.contains("geo:"));
    let Some(place) = place else {
        return description.map(|text| format!("[Location: {text}]"));
    };
    let title = description.map_or_else(|| "[Location]".to_owned(), |text| format!("[Location: {text}]"));
    Some(format!("{title}\n{}\n{}", place.map(), place.uri()))
}

/// Renders one step of a live location (MSC3489, MSC3672): where it is at that moment; `None` when that is not said.
pub(super) fn beacon(content: &Content) -> Option<String> {
    let shown = location(content)?;
    let rest = shown.strip_prefix("[Location")?;
    Some(format!("[Live location, as it was then{rest}"))
}

/// Coordinates out of a `geo:` URI (RFC 5870), still as they were written.
struct Place<'a> {
    latitude: &'a str,
    longitude: &'a str,
}

impl<'a> Place<'a> {
    /// Reads the coordinates; height, uncertainty and other parameters are left out.
    fn parse(uri: &'a str) -> Option<Self> {
        let (scheme, rest) = uri.trim().split_once(':')?;
        let mut numbers = rest.split(';').next()?.split(',');
        let (latitude, longitude) = (numbers.next()?, numbers.next()?);
        let within = |text: &str, limit: f64| {
            text.len() <= 30
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
                && text.parse::<f64>().is_ok_and(|degrees| degrees.abs() <= limit)
        };
        let valid = scheme.eq_ignore_ascii_case("geo") && within(latitude, 90.0) && within(longitude, 180.0);
        valid.then_some(Self { latitude, longitude })
    }

    fn map(&self) -> String {
        let (latitude, longitude) = (self.latitude, self.longitude);
        format!(
            "https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}#map=16/{latitude}/{longitude}"
        )
    }

    fn uri(&self) -> String {
        format!("geo:{},{}", self.latitude, self.longitude)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shown(content: &Value) -> Option<String> {
        location(content.as_object().unwrap())
    }

    #[test]
    fn places_have_a_name_a_map_and_coordinates() {
        assert_eq!(
            shown(&json!({"body": "Town hall", "geo_uri": "geo:52.5,-13.4;u=35"})).unwrap(),
            "[Location: Town hall]\nhttps://www.openstreetmap.org/?mlat=52.5&mlon=-13.4#map=16/52.5/-13.4\ngeo:52.5,-13.4"
        );
        let generated = json!({
            "body": "Location was shared at geo:1,2", "geo_uri": "geo:1,2",
            "m.location": {"uri": "geo:1,2", "description": "Our\nhouse"}
        });
        assert!(
            shown(&generated)
                .unwrap()
                .starts_with("[Location: Our house]\nhttps:")
        );
        assert!(
            shown(&json!({"body": "at geo:1,2", "geo_uri": "geo:1,2"}))
                .unwrap()
                .starts_with("[Location]\n")
        );
    }

    #[test]
    fn live_locations_are_shown_as_they_were() {
        let beacon =
            json!({"org.matrix.msc3488.location": {"uri": "geo:52.5,13.4;u=10", "description": "Bob"}});
        let shown = super::beacon(beacon.as_object().unwrap()).unwrap();
        assert!(
            shown.starts_with("[Live location, as it was then: Bob]\nhttps:"),
            "{shown}"
        );
        assert!(shown.ends_with("\ngeo:52.5,13.4"), "{shown}");
        assert_eq!(super::beacon(json!({}).as_object().unwrap()), None);
    }

    #[test]
    fn nonsense_is_no_place() {
        for uri in [
            "geo:91,0",
            "geo:x,y",
            "geo:1",
            "https:1,2",
            "geo:1,2\"><script>",
            "geo:nan,inf",
            "",
        ] {
            assert_eq!(
                shown(&json!({"body": "Here", "geo_uri": uri})),
                Some("[Location: Here]".into()),
                "{uri}"
            );
        }
        assert_eq!(shown(&json!({})), None);
    }
}
