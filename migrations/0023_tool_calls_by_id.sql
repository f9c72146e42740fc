-- Ids come in the order of time: what is old is found by them, and a call is entered in one place less.
DROP INDEX tool_calls_by_time;
