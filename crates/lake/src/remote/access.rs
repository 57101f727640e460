//! Opens a store from its address and the standard AWS variables, and says what is missing or refused.
//! No value of a variable is ever shown.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::client::SpawnedReqwestConnector;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use shoplake_core::{Fault, RemoteLake, Result};
use tokio::runtime::Handle;
use url::Url;

/// A store, and the lake's place in it.
pub(super) struct Opened {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) root: Url,
    pub(super) prefix: Key,
}

/// Opens the store that a lake is in; nothing is asked of it yet.
pub(super) fn open(remote: &RemoteLake, threads: &Handle) -> Result<Opened> {
    let wrong = |why: &str| {
        Fault::usage(format!("the lake `{}` {why}", remote.url))
            .hint("write a folder, `s3://bucket/prefix`, or `file:///folder` of a disk that machines share")
    };
    let url = Url::parse(&remote.url).map_err(|error| wrong(&format!("is not an address: {error}")))?;
    let prefix = Key::from_url_path(url.path()).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    let mut root = url.clone();
    root.set_path("/");
    let store: Arc<dyn ObjectStore> = match url.scheme() {
        "file" if url.host_str().is_none_or(str::is_empty) && !prefix.as_ref().is_empty() => {
            Arc::new(LocalFileSystem::new())
        }
        "s3" => Arc::new(bucket(remote, &url, threads)?),
        _ => return Err(wrong("is of no kind that is known")),
    };
    Ok(Opened { store, root, prefix })
}

fn bucket(remote: &RemoteLake, url: &Url, threads: &Handle) -> Result<object_store::aws::AmazonS3> {
    let variable = |name: &str| remote.access.get(name).map(|secret| secret.0.trim()).filter(|value| !value.is_empty());
    let Some(bucket) = url.host_str().filter(|host| !host.is_empty()) else {
        return Err(Fault::usage(format!("the lake `{}` names no bucket", remote.url)).hint("`s3://bucket/prefix`"));
    };
    let endpoint = variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL"));
    let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
    let mut missing: Vec<&str> = Vec::new();
    let mut need = |name: &'static str| {
        let found = variable(name);
        if found.is_none() {
            missing.push(name);
        }
        found.unwrap_or_default()
    };
    let (key, secret) = (need("AWS_ACCESS_KEY_ID"), need("AWS_SECRET_ACCESS_KEY"));
    if endpoint.is_none() && region.is_none() {
        missing.push("AWS_REGION");
    }
    if !missing.is_empty() {
        let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
        let are = if missing.len() == 1 { "is" } else { "are" };
        return Err(Fault::usage(format!(
            "{} {are} not set, and the lake `{}` needs it",
            names.join(", "),
            remote.url
        ))
        .hint("set it in the environment or in `.env` beside shoplake.yml, which git leaves out"));
    }
    let client = ClientOptions::new()
        .with_allow_http(endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")))
        .with_connect_timeout(Duration::from_secs(5))
        .with_timeout(Duration::from_mins(2));
    let backoff =
        BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(5), base: 2.0 };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_access_key_id(key)
        .with_secret_access_key(secret)
        .with_region(region.unwrap_or("us-east-1"))
        .with_virtual_hosted_style_request(false)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_client_options(client)
        .with_http_connector(SpawnedReqwestConnector::new(threads.clone()))
        .with_retry(RetryConfig { max_retries: 4, retry_timeout: Duration::from_mins(1), backoff });
    if let Some(token) = variable("AWS_SESSION_TOKEN") {
        builder = builder.with_token(token);
    }
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    builder.build().map_err(|error| explain(&remote.url, error))
}

/// What a store's error means for whoever set the lake up.
pub(super) fn explain(place: &str, error: object_store::Error) -> Fault {
    let text = error.to_string();
    let refused = |why: &str| Fault::unavailable(format!("`{place}`: the store refuses access{why}"));
    let fault = match &error {
        _ if text.contains("InvalidAccessKeyId") => {
            refused(": it does not know the key").hint("check `AWS_ACCESS_KEY_ID`, in the environment and in `.env`")
        }
        _ if text.contains("SignatureDoesNotMatch") => refused(": the secret does not belong to the key")
            .hint("check `AWS_SECRET_ACCESS_KEY`, in the environment and in `.env`"),
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            refused("").hint("the key needs to list, read, write and delete below the lake's prefix")
        }
        _ if text.contains("NoSuchBucket") => Fault::unavailable(format!("`{place}`: there is no such bucket"))
            .hint("make the bucket, or correct `lake` in shoplake.yml"),
        _ => {
            let first = text.lines().next().unwrap_or_default();
            return Fault::unavailable(format!("`{place}`: {first}"))
                .hint("see that the store can be reached (`AWS_ENDPOINT_URL`), then run again: nothing is loaded twice")
                .caused_by(error);
        }
    };
    // The store's words for these are long, and say no more.
    tracing::debug!(%error, "the store refused a call");
    fault
}
