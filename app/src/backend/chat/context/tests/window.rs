//! However much a turn adds in its rounds: what the model reads fits, with the question and all that the turn called, and
//! with the summary of what is left out.

use super::{
    super::{summary::block, window::LEFT_OUT},
    *,
};

/// The calls a request has, in order.
fn called(turns: &[RequestTurn]) -> Vec<CallId> {
    turns.iter().flat_map(|turn| calls_and_results(turn).0.into_iter().cloned().collect::<Vec<_>>()).collect()
}

/// The turns behind the question at that place.
fn own(turns: &[RequestTurn], newest: usize) -> &[RequestTurn] {
    let at = turns.iter().position(|turn| questions(std::slice::from_ref(turn)).contains(&newest)).unwrap();
    &turns[at + 1..]
}

/// Whether a result could still give way to the line that says so.
fn has_more_to_leave_out(turns: &[RequestTurn]) -> bool {
    turns.iter().flat_map(|turn| &turn.content).any(|content| match content {
        Content::ToolResult { text, .. } => tokens(text.len()) > tokens(LEFT_OUT.len()),
        _ => false,
    })
}

/// Whether there is a summary; it stands once, where the request begins.
fn summaries(turns: &[RequestTurn]) -> Result<bool, TestCaseError> {
    let is = |content: &Content| matches!(content, Content::Text(text) if text.starts_with("<summary>"));
    let count = turns.iter().flat_map(|turn| &turn.content).filter(|content| is(content)).count();
    prop_assert!(count == 0 || count == 1 && is(&turns[0].content[0]), "{count} of them");
    Ok(count == 1)
}

/// Adds what a round wrote; the calls of it that were answered.
fn add(window: &mut Window, round: usize, pieces: &[Piece]) -> Vec<CallId> {
    let more = reply_turns(&replies_with(1_000 + round, pieces).parts, true);
    let calls = called(&more);
    for turn in more {
        window.push(turn);
    }
    calls
}

proptest! {
    #[test]
    fn what_grows_within_a_turn_is_made_to_fit_before_each_request(
        said in exchanges(), rounds in prop::collection::vec(pieces(), 0..6), size in 101u32..9_000,
        offered in 0usize..4, summary in prop::option::of(0usize..3_000)
    ) {
        let (path, model, tools) = (path(&said), model(size), tools(offered));
        let advertised: u64 = tools.iter().map(|tool| schema::cost(tool)).sum();
        let fixed = tokens(SYSTEM.len()) + usize::try_from(advertised).unwrap();
        let room = (size as usize - 100).saturating_sub(fixed);
        let newest = path.len() - 1;
        let mut window = Window::new(history(&path, &model, false, advertised), &model);
        window.advertise(advertised);
        let mut calls = Vec::new();
        let mut summary = summary.map(|size| block(&"s".repeat(size)));
        let has = summary.is_some();
        for n in 0..=rounds.len() {
            // As a turn does: it is looked for when it is needed.
            if window.overflows() && let Some(summary) = summary.take() {
                window.recall(summary);
            }
            let (before, needed) = (window.turns().to_vec(), window.size());
            window.fit();
            let asked = window.turns();
            is_well_formed(asked)?;
            let of_own = own(asked, newest);
            prop_assert_eq!(called(of_own), calls.clone(), "what it called stays");
            prop_assert_eq!(of_own.len(), own(&before, newest).len());
            let told = summaries(asked)?;
            if questions(asked).len() == path.len().div_ceil(2) {
                prop_assert!(!told, "nothing is left out");
            } else if asked.len() > of_own.len() + 1 {
                prop_assert_eq!(told, has, "what is left out is summarised, as long as there is room for more than that");
            }
            if needed <= room {
                prop_assert_eq!(asked, &before[..], "what fits is not left out");
            } else if window.size() > room {
                prop_assert_eq!(asked.len(), of_own.len() + 1, "only the question stays");
                prop_assert!(!told && !has_more_to_leave_out(of_own), "all that can be left out is");
            }
            if asked.len() > of_own.len() + 1 {
                prop_assert_eq!(of_own, own(&before, newest), "what came before goes first");
            }
            if let Some(round) = rounds.get(n) {
                calls.extend(add(&mut window, n, round));
            }
        }
    }

    #[test]
    fn a_provider_that_refuses_is_asked_with_less_until_nothing_is_left_to_leave_out(
        said in exchanges(), rounds in prop::collection::vec(pieces(), 0..4),
        summary in prop::option::of(0usize..3_000)
    ) {
        let (path, model) = (path(&said), model(1_000_000));
        let newest = path.len() - 1;
        let mut window = Window::new(history(&path, &model, false, 0), &model);
        if let Some(size) = summary {
            window.recall(block(&"s".repeat(size)));
        }
        let calls: Vec<_> = rounds.iter().enumerate().flat_map(|(n, round)| add(&mut window, n, round)).collect();
        loop {
            let needed = window.size();
            if !window.leave_out_more() {
                break;
            }
            prop_assert!(window.size() < needed);
            is_well_formed(window.turns())?;
            summaries(window.turns())?;
            prop_assert_eq!(called(own(window.turns(), newest)), calls.clone());
        }
        let of_own = own(window.turns(), newest);
        prop_assert_eq!(window.turns().len(), of_own.len() + 1, "only the question stays");
        prop_assert!(!has_more_to_leave_out(of_own));
        prop_assert!(!summaries(window.turns())?, "the summary gives way last");
    }
}

#[test]
fn the_oldest_result_gives_way_first_and_a_refusal_is_remembered() {
    let mut window = Window::new(history(&[asks_with(0, 10)], &model(12_000), false, 0), &model(12_000));
    let long = Piece::Call(1, true, Some(7_000));
    let grow = |window: &mut Window, rounds: std::ops::Range<usize>| {
        for n in rounds {
            add(window, n, std::slice::from_ref(&long));
        }
        window.fit();
    };
    let short = |window: &Window| -> Vec<bool> {
        let of = |content: &Content| match content {
            Content::ToolResult { text, .. } => Some(text == LEFT_OUT),
            _ => None,
        };
        window.turns().iter().flat_map(|turn| &turn.content).filter_map(of).collect()
    };
    grow(&mut window, 0..5);
    assert_eq!(short(&window), [false; 5]);
    assert!(window.leave_out_more());
    assert_eq!(short(&window), [true, true, true, false, false], "half of it");
    grow(&mut window, 5..8);
    let wanted = [[true; 4], [false; 4]].concat();
    assert_eq!(short(&window), wanted, "no more than what was refused is asked again");
}
