//! Saved prompts.

use super::*;
use crate::wire::{
    id::PromptId,
    limits::PROMPTS_MAX,
    prompt::{Prompt, PromptForm},
};

fn prompt(name: &str, body: &str) -> Prompt {
    let form = PromptForm {
        name: name.to_owned(),
        body: body.to_owned(),
        arguments: "topic: What it is about [engines]".to_owned(),
        ..PromptForm::default()
    };
    form.parse(PromptId(uuid::Uuid::nil())).unwrap()
}

on_every_backend! {
    async fn a_prompt_is_kept_changed_and_removed_by_its_owner_alone(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        let new = prompt("explain", "Explain {{topic}}.");
        let id = t.create_prompt(ada, &new).await.unwrap();
        let kept = t.prompt(ada, "explain").await.unwrap();
        assert_eq!(kept, Prompt { id, ..new.clone() });
        assert!(not_found(&t.prompt(eve, "explain").await));
        assert!(t.prompts(eve, None, 10).await.unwrap().is_empty());

        assert_eq!(conflict(&t.create_prompt(ada, &new).await), "prompt_name");
        t.create_prompt(eve, &new).await.unwrap();
        let other = t.create_prompt(ada, &prompt("other", "{{topic}}!")).await.unwrap();
        assert_eq!(conflict(&t.update_prompt(ada, &Prompt { id: other, ..new.clone() }).await), "prompt_name");

        let changed = Prompt { id, title: "Exp\0lain".to_owned(), ..new };
        assert!(not_found(&t.update_prompt(eve, &changed).await));
        t.update_prompt(ada, &changed).await.unwrap();
        assert_eq!(t.prompt(ada, "explain").await.unwrap().title, "Explain");

        assert!(not_found(&t.delete_prompt(eve, id).await));
        t.delete_prompt(ada, id).await.unwrap();
        assert!(not_found(&t.delete_prompt(ada, id).await));
        let names: Vec<_> = t.prompts(ada, None, 10).await.unwrap().into_iter().map(|p| p.name).collect();
        assert_eq!(names, ["other"]);
    }

    async fn prompts_come_by_name_in_pages_and_not_without_end(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        for n in (0..PROMPTS_MAX).rev() {
            t.create_prompt(ada, &prompt(&format!("p{n:03}"), "{{topic}}")).await.unwrap();
        }
        assert_eq!(conflict(&t.create_prompt(ada, &prompt("more", "{{topic}}")).await), "prompts_max");
        t.create_prompt(eve, &prompt("p000", "{{topic}}")).await.unwrap();
        let first = t.prompts(ada, None, 2).await.unwrap();
        assert_eq!((first[0].name.as_str(), first[1].name.as_str()), ("p000", "p001"));
        let next = t.prompts(ada, Some("p001"), 1000).await.unwrap();
        assert_eq!((next.len(), next[0].name.as_str()), (PROMPTS_MAX as usize - 2, "p002"));
    }
}
