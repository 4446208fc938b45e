//! What a route file exports beside its handlers, to say how it is to be run: Next's segment options.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The options of one route; what the file does not say is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SegmentConfig {
    /// `dynamic`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic: Option<Dynamic>,
    /// `revalidate`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revalidate: Option<Revalidate>,
    /// `fetchCache`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetch_cache: Option<FetchCache>,
    /// `dynamicParams`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic_params: Option<bool>,
    /// Whether there is a `generateStaticParams`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub generate_static_params: bool,
    /// `runtime`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Runtime>,
    /// `maxDuration`, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<u32>,
    /// `preferredRegion`; byway runs where it is started, so that this says nothing to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub preferred_region: Vec<String>,
}

impl SegmentConfig {
    /// Whether the file says nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the handlers see what code of the edge runtime sees.
    pub fn is_edge(&self) -> bool {
        self.runtime == Some(Runtime::Edge)
    }

    /// How long the head of an answer may take, where the file says so. No time at all is no limit:
    /// every request would fail.
    pub fn deadline(&self) -> Option<Duration> {
        let seconds = self.max_duration.filter(|seconds| *seconds > 0)?;
        Some(Duration::from_secs(seconds.into()))
    }
}

/// `export const dynamic`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dynamic {
    /// `auto`
    Auto,
    /// `error`
    Error,
    /// `force-static`
    ForceStatic,
    /// `force-dynamic`
    ForceDynamic,
}

/// `export const revalidate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Revalidate {
    /// `false`: an answer is kept for good.
    Never,
    /// An answer is made anew after so many seconds.
    After(u32),
}

/// `export const fetchCache`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FetchCache {
    /// `auto`
    Auto,
    /// `default-cache`
    DefaultCache,
    /// `only-cache`
    OnlyCache,
    /// `force-cache`
    ForceCache,
    /// `force-no-store`
    ForceNoStore,
    /// `default-no-store`
    DefaultNoStore,
    /// `only-no-store`
    OnlyNoStore,
}

/// `export const runtime`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// `nodejs`
    Nodejs,
    /// `edge`
    Edge,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Dynamic, FetchCache, Revalidate, Runtime, SegmentConfig};

    #[test]
    fn json_has_only_what_a_file_says() {
        let check = |config: &SegmentConfig, json: &str| {
            assert_eq!(serde_json::to_string(config).unwrap(), json);
            assert_eq!(&serde_json::from_str::<SegmentConfig>(json).unwrap(), config);
        };
        check(&SegmentConfig::default(), "{}");
        check(
            &SegmentConfig {
                dynamic: Some(Dynamic::ForceStatic),
                revalidate: Some(Revalidate::Never),
                fetch_cache: Some(FetchCache::OnlyNoStore),
                dynamic_params: Some(false),
                generate_static_params: true,
                runtime: Some(Runtime::Edge),
                max_duration: Some(5),
                preferred_region: vec!["fra1".to_owned()],
            },
            r#"{"dynamic":"force-static","revalidate":"never","fetchCache":"only-no-store","dynamicParams":false,"generateStaticParams":true,"runtime":"edge","maxDuration":5,"preferredRegion":["fra1"]}"#,
        );
        let revalidate = Some(Revalidate::After(60));
        check(
            &SegmentConfig { revalidate, ..SegmentConfig::default() },
            r#"{"revalidate":{"after":60}}"#,
        );
    }

    #[test]
    fn no_time_is_no_deadline() {
        let deadline =
            |max_duration| SegmentConfig { max_duration, ..SegmentConfig::default() }.deadline();
        assert_eq!(deadline(None), None);
        assert_eq!(deadline(Some(0)), None);
        assert_eq!(deadline(Some(7)), Some(Duration::from_secs(7)));
    }
}
