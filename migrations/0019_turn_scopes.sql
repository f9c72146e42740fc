-- What the token of the program that asked for a turn was made for, by names with blanks between them; NULL: its person
-- asked, or nothing less than everything was meant.
ALTER TABLE turns ADD COLUMN scopes TEXT;
