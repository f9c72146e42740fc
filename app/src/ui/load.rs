//! What a page loads from the server: asked on the server while the page is made, and carried in it to the browser.
//!
//! One kind of resource carries every type. Leptos' machinery for resources is large, and compiled anew for each type
//! it loads.

use crate::wire::{error::ApiError, json};
use leptos::{
    prelude::*,
    server::codee::{Decoder, Encoder},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{any::Any, convert::Infallible, fmt, future::Future, marker::PhantomData, pin::Pin, sync::Arc};

/// A `T` of the server's; a handle, free to copy. Await it within a `Suspend`.
pub struct Loaded<T> {
    carried: Resource<Carried, Plain>,
    what: PhantomData<fn() -> T>,
}

impl<T> Clone for Loaded<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Loaded<T> {}

impl<T> fmt::Debug for Loaded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").finish_non_exhaustive()
    }
}

impl<T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Loaded<T> {
    /// Asks once.
    pub fn once<F>(ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<T, ApiError>> + Send + 'static,
    {
        Self::by(String::new, move |_| ask())
    }

    /// Asks for what `key` says, and again whenever that is another.
    pub fn by<F>(
        key: impl Fn() -> String + Send + Sync + 'static,
        ask: impl Fn(String) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<T, ApiError>> + Send + 'static,
    {
        let ask = move |key| -> Asked {
            let answer = ask(key);
            Box::pin(async move { Carried::new(answer.await) })
        };
        Self { carried: carry(Arc::new(key), Arc::new(ask)), what: PhantomData }
    }

    /// Asks again.
    pub fn refetch(self) {
        self.carried.refetch();
    }
}

impl<T: Clone + DeserializeOwned + Send + Sync + 'static> IntoFuture for Loaded<T> {
    type Output = Result<T, ApiError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<T, ApiError>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.carried.await.open() })
    }
}

type Asked = Pin<Box<dyn Future<Output = Carried> + Send>>;

fn carry(
    key: Arc<dyn Fn() -> String + Send + Sync>,
    ask: Arc<dyn Fn(String) -> Asked + Send + Sync>,
) -> Resource<Carried, Plain> {
    Resource::new_with_options(move || key(), move |key| ask(key), true)
}

/// An answer, as it came or as the page was made with it.
#[derive(Clone)]
struct Carried {
    value: Option<Arc<dyn Any + Send + Sync>>,
    /// For the page: JSON.
    text: Arc<str>,
}

impl Carried {
    fn new<T: Serialize + Send + Sync + 'static>(answer: Result<T, ApiError>) -> Self {
        // A constant, so that no browser gets the code that writes.
        let in_browser = cfg!(target_arch = "wasm32");
        let text = if in_browser { String::new() } else { serde_json::to_string(&answer).unwrap_or_default() };
        Self { value: Some(Arc::new(answer)), text: text.into() }
    }

    fn open<T: Clone + DeserializeOwned + 'static>(&self) -> Result<T, ApiError> {
        match &self.value {
            Some(value) => value.downcast_ref::<Result<T, ApiError>>().cloned().unwrap_or(Err(ApiError::Network)),
            None => json::read(&self.text).unwrap_or(Err(ApiError::Network)),
        }
    }
}

/// The text as it is.
struct Plain;

impl Encoder<Carried> for Plain {
    type Error = Infallible;
    type Encoded = String;

    fn encode(carried: &Carried) -> Result<String, Infallible> {
        Ok(carried.text.as_ref().to_owned())
    }
}

impl Decoder<Carried> for Plain {
    type Error = Infallible;
    type Encoded = str;

    fn decode(text: &str) -> Result<Carried, Infallible> {
        Ok(Carried { value: None, text: text.into() })
    }
}
