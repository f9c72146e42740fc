//! Full-text search: any language, any query, only one's own.

use super::*;
use crate::wire::{
    conversation::{Found, SearchHit, TitleHit},
    id::Millis,
    limits::{SEARCH_TITLES, TITLE_MAX},
};

fn texts(hits: &[SearchHit]) -> Vec<String> {
    hits.iter().map(|hit| hit.snippet.iter().map(|(piece, _)| piece.as_str()).collect()).collect()
}

fn marked(hit: &SearchHit) -> Vec<&str> {
    hit.snippet.iter().filter(|(_, marked)| *marked).map(|(piece, _)| piece.as_str()).collect()
}

fn titles(found: &Found) -> Vec<String> {
    let text = |hit: &TitleHit| hit.title.iter().map(|(piece, _)| piece.as_str()).collect();
    found.titles.iter().map(text).collect()
}

on_every_backend! {
    async fn words_of_both_sides_are_found(t) {
        let ada = t.person("ada").await;
        let c = t.create_conversation(ada, "Fruit").await.unwrap().id;
        let (question, reply) = t.exchange(ada, c, "Which Apples are red?", "Red apples: the Cortland.").await;
        let hits = t.search(ada, "apples RED", None, 10).await.unwrap();
        let found: std::collections::BTreeSet<MessageId> = hits.iter().map(|hit| hit.message).collect();
        assert_eq!(found, [question.id, reply.id].into());
        let hit = hits.iter().find(|hit| hit.message == question.id).unwrap();
        assert_eq!((hit.conversation, hit.title.as_str(), hit.author), (c, "Fruit", Some(ada)));
        assert_eq!(marked(hit), ["Apples", "red"]);
        assert_eq!(texts(&hits[..1]).len(), 1);
        assert_eq!(hits.iter().find(|hit| hit.message == reply.id).unwrap().author, None);
        assert_eq!(t.search(ada, "cort", None, 10).await.unwrap().len(), 1, "the last word is a beginning");
        assert!(t.search(ada, "app red", None, 10).await.unwrap().is_empty(), "the others are whole");
        assert!(t.search(ada, "apples plums", None, 10).await.unwrap().is_empty(), "every word is wanted");
        assert_eq!(t.search(ada, "apples", None, 1).await.unwrap().len(), 1);
    }

    async fn the_better_match_comes_first(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let filler = "lorem ipsum dolor sit amet ".repeat(30);
        t.exchange(ada, c, &format!("kiwi {filler}"), "nothing").await;
        let (best, _) = t.exchange(ada, c, "kiwi kiwi kiwi", "nothing").await;
        t.exchange(ada, c, &format!("{filler} kiwi"), "nothing").await;
        assert_eq!(t.search(ada, "kiwi", None, 10).await.unwrap()[0].message, best.id);
    }

    async fn any_language_is_found(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        for (words, query) in [
            ("Die STRASSE ist lang", "straße lang".replace('ß', "ss")),
            ("Größe und Übermut", "grÖße übermut".to_owned()),
            ("Съешь же ещё этих булок", "ЕЩЁ".to_owned()),
            ("我喜欢在北京喝茶", "北京".to_owned()),
            ("東京タワーに行きました", "タワー".to_owned()),
            ("สวัสดีครับทุกคน", "ครับ".to_owned()),
            ("नमस्ते दुनिया", "नमस्ते".to_owned()),
            ("مرحبا بالعالم", "بالعالم".to_owned()),
            ("안녕하세요 세계", "안녕".to_owned()),
            ("party 🎉 tonight", "🎉".to_owned()),
            ("snake_case and kebab-case", "kebab-case".to_owned()),
            ("call f(x, y) at 10:45", "10:45".to_owned()),
        ] {
            let (message, _) = t.exchange(ada, c, words, "ok").await;
            let hits = t.search(ada, &query, None, 10).await.unwrap();
            assert_eq!(hits.iter().map(|hit| hit.message).collect::<Vec<_>>(), [message.id], "{query} in {words}");
            assert!(!marked(&hits[0]).is_empty(), "{query} in {words}");
        }
        assert!(t.search(ada, "京北", None, 10).await.unwrap().is_empty(), "the order of characters counts");
    }

    async fn any_text_is_a_query(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        t.exchange(ada, c, "not near or and \" quotes ' and O'Neill's * star", "ok").await;
        for query in ["", " ", "\"", "'", "\"\"", "a\"b", "AND", "OR OR", "NOT", "NEAR(a b, 3)", "words:x", "-x", "^x", "(",
            ")))", "a & b | !c", "<->", ":*", "x:*", "*", "a*b*", "\\", "\\'", "%", "_", ";DROP TABLE users", "\u{0}", "\u{200D}",
            "👩‍👩‍👧", "\u{FFFF}", "ﷺ", "e\u{301}", "{}[]", "$1", "?1", "message:a", "--", "/*", "\u{202E}abc"] {
            assert!(t.search(ada, query, None, 10).await.is_ok(), "{query:?}");
            assert!(t.search(ada, query, Some(c), 10).await.is_ok(), "{query:?}");
        }
        assert!(t.search(ada, &"long ".repeat(5000), None, 10).await.unwrap().is_empty());
        assert!(t.search(ada, &"x".repeat(100_000), None, 10).await.unwrap().is_empty());
        assert_eq!(t.search(ada, "NOT near", None, 10).await.unwrap().len(), 1);
        assert_eq!(t.search(ada, "O'Neill", None, 10).await.unwrap().len(), 1);
        assert!(t.search(ada, "?!", None, 10).await.unwrap().is_empty());
    }

    async fn huge_and_odd_texts_can_be_stored_and_found(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let many: Vec<String> = (0..30_000).map(|n| format!("w{n}")).collect();
        let (long_word, many) = ("y".repeat(30_000), many.join(" "));
        let (word, _) = t.exchange(ada, c, &long_word, "ok").await;
        let (all, _) = t.exchange(ada, c, &many, "ok").await;
        t.exchange(ada, c, "'quoted' \\back\\slash\\ %percent% '''", "ok").await;
        assert_eq!(t.search(ada, "yyy", None, 10).await.unwrap()[0].message, word.id);
        assert_eq!(t.search(ada, "w15000", None, 10).await.unwrap()[0].message, all.id);
        assert_eq!(t.search(ada, "back\\slash", None, 10).await.unwrap().len(), 1);
        assert!(texts(&t.search(ada, "w7", None, 1).await.unwrap())[0].chars().count() < 300);
    }

    async fn a_snippet_shows_the_words_around_without_markup(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let padding = "filler words go here ".repeat(20);
        t.exchange(ada, c, &format!("{padding}<b>needle</b>\n\n& needles {padding}"), "ok").await;
        let hits = t.search(ada, "needle", None, 10).await.unwrap();
        let text = &texts(&hits)[0];
        assert!(text.starts_with('…') && text.ends_with('…') && text.contains("<b>needle</b> & needles"), "{text}");
        assert_eq!(marked(&hits[0]), ["needle", "needles"]);
    }

    async fn only_members_find_and_only_within_what_they_name(t) {
        let (ada, bob) = (t.person("ada").await, t.person("bob").await);
        let (mine, shared) = (t.conversation_of(ada).await, t.conversation_of(ada).await);
        t.exchange(ada, mine, "melon", "ok").await;
        t.exchange(ada, shared, "melon", "ok").await;
        t.create_invitation(ada, shared, "token", Millis(i64::MAX)).await.unwrap();
        t.join(bob, "token").await.unwrap();
        assert_eq!(t.search(ada, "melon", None, 10).await.unwrap().len(), 2);
        assert_eq!(t.search(ada, "melon", Some(mine), 10).await.unwrap()[0].conversation, mine);
        assert_eq!(t.search(bob, "melon", None, 10).await.unwrap().len(), 1);
        assert!(not_found(&t.search(bob, "melon", Some(mine), 10).await));
        t.remove_member(ada, shared, bob).await.unwrap();
        assert!(t.search(bob, "melon", None, 10).await.unwrap().is_empty());
    }

    async fn a_reply_is_found_when_it_is_finished_and_no_earlier_version_of_it(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let started = t.send(ada, c, "go").await.unwrap();
        t.checkpoint(started.turn, &text("mango"), Usage::default()).await.unwrap();
        assert!(t.search(ada, "mango", None, 10).await.unwrap().is_empty());
        t.end(started.turn, TurnEnd::Stopped, "mango").await.unwrap();
        assert_eq!(t.search(ada, "mango", None, 10).await.unwrap().len(), 1);
    }

    async fn conversations_are_found_by_their_titles_in_any_case_and_language(t) {
        let ada = t.person("ada").await;
        for title in ["Holiday plans", "Übermut tut selten gut", "İstanbul gezisi", "北京喝茶", "100% of snake_case", "k-means"] {
            t.create_conversation(ada, title).await.unwrap();
        }
        for (query, found) in [
            ("holiday", "Holiday plans"),
            ("HOLI", "Holiday plans"),
            ("plans holiday", "Holiday plans"),
            ("übermut", "Übermut tut selten gut"),
            ("ÜBERMUT selt", "Übermut tut selten gut"),
            ("İstanbul", "İstanbul gezisi"),
            ("喝茶", "北京喝茶"),
            ("snake_case", "100% of snake_case"),
            ("K-Means", "k-means"),
        ] {
            assert_eq!(titles(&t.find(ada, query, 10).await.unwrap()), [found], "{query}");
        }
        for query in ["", "%", "_", "holi plans", "olida", "plans for holiday", "茶喝", "means-k"] {
            assert_eq!(titles(&t.find(ada, query, 10).await.unwrap()), [""; 0], "{query}");
        }
        let hit = t.find(ada, "plan holiday", 10).await.unwrap();
        assert_eq!(titles(&hit), [""; 0], "only the last word is a beginning");
        let long = format!("{} needle {}", "straw ".repeat(12).trim(), "hay ".repeat(9).trim());
        assert!((100..=TITLE_MAX).contains(&long.chars().count()));
        t.create_conversation(ada, &long).await.unwrap();
        assert_eq!(titles(&t.find(ada, "needle", 10).await.unwrap()), [long], "whole, wherever it matches");
        let hit = t.find(ada, "holiday pl", 10).await.unwrap().titles.remove(0);
        assert_eq!(hit.title, [("Holiday".to_owned(), true), (" ".to_owned(), false), ("plans".to_owned(), true)]);
    }

    async fn a_title_is_found_by_members_only_and_while_the_conversation_is_there(t) {
        let (ada, bob) = (t.person("ada").await, t.person("bob").await);
        let c = t.create_conversation(ada, "Holiday plans").await.unwrap().id;
        assert_eq!(titles(&t.find(bob, "holiday", 10).await.unwrap()), [""; 0]);
        t.create_invitation(ada, c, "token", Millis(i64::MAX)).await.unwrap();
        t.join(bob, "token").await.unwrap();
        let found = t.find(bob, "holiday", 10).await.unwrap();
        assert_eq!((found.titles.len(), found.titles[0].conversation), (1, c));
        t.rename_conversation(ada, c, "Work").await.unwrap();
        assert_eq!(titles(&t.find(bob, "holiday", 10).await.unwrap()), [""; 0]);
        assert_eq!(titles(&t.find(bob, "work", 10).await.unwrap()), ["Work"]);
        t.remove_member(ada, c, bob).await.unwrap();
        assert_eq!(titles(&t.find(bob, "work", 10).await.unwrap()), [""; 0]);
        t.delete_conversation(ada, c).await.unwrap();
        assert_eq!(titles(&t.find(ada, "work", 10).await.unwrap()), [""; 0]);
    }

    async fn a_conversation_whose_messages_are_found_is_not_found_again_and_titles_are_so_many_only(t) {
        let ada = t.person("ada").await;
        let c = t.create_conversation(ada, "Holiday plans").await.unwrap().id;
        t.exchange(ada, c, "where to go on holiday", "to the sea").await;
        let found = t.find(ada, "holiday", 10).await.unwrap();
        assert_eq!((titles(&found).len(), found.messages.len(), found.messages[0].conversation), (0, 1, c));
        let mut last = c;
        for _ in 0..=SEARCH_TITLES {
            t.clock.advance(1_000);
            last = t.create_conversation(ada, "Holiday").await.unwrap().id;
        }
        let found = t.find(ada, "holiday", 10).await.unwrap();
        assert_eq!((found.titles.len(), found.titles[0].conversation), (SEARCH_TITLES, last));
    }
}
