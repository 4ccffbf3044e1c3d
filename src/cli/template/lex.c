// SPDX-License-Identifier: Apache-2.0

/*
 * Source to tokens. Outside of {{ }} all is text; inside, blanks separate and
 * are remembered, because ".A.B" is one chain and ".A .B" are two operands.
 */

#include "cli/template/internal.h"

#include <ctype.h>

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool letter(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static struct token token_error(struct lexer *lexer, const char *at, const char *message)
{
	lexer->next = at + strlen(at);
	return (struct token){.kind = TOKEN_ERROR, .at = at, .message = message};
}

static struct token token(struct lexer *lexer, enum token_kind kind, const char *at, size_t length)
{
	lexer->next = at + length;
	return (struct token){.kind = kind, .at = at, .length = length};
}

/* Behind {{ or {{-: where a comment ends, NULL if there is none. *ret_trim: it ends with -}}. */
static const char *comment_end(const char *at, bool *ret_trim, const char **ret_message)
{
	while (blank(*at))
		at++;
	if (at[0] != '/' || at[1] != '*')
		return NULL;
	const char *end = strstr(at + 2, "*/");
	if (!end) {
		*ret_message = "the comment has no end";
		return at;
	}
	end += 2;
	bool spaced = blank(*end);
	while (blank(*end))
		end++;
	*ret_trim = spaced && *end == '-';
	end += *ret_trim;
	if (end[0] == '}' && end[1] == '}')
		return end + 2;
	*ret_message = "a comment must be alone between {{ and }}";
	return at;
}

static struct token lex_text(struct lexer *lexer)
{
	for (;;) {
		const char *at = lexer->next, *open = strstr(at, "{{");
		const char *end = open ? open : at + strlen(at);
		bool trims = open && open[2] == '-' && blank(open[3]);
		if (lexer->trim)
			while (at < end && blank(*at))
				at++;
		while (trims && end > at && blank(end[-1]))
			end--;
		lexer->trim = false;
		if (at < end) {
			struct token text = token(lexer, TOKEN_TEXT, at, (size_t)(end - at));
			lexer->next = open ? open : end;
			return text;
		}
		if (!open)
			return token(lexer, TOKEN_END, end, 0);

		const char *message = NULL;
		size_t length = trims ? 3 : 2;
		const char *behind = comment_end(open + length, &lexer->trim, &message);
		if (message)
			return token_error(lexer, behind, message);
		if (!behind) {
			lexer->inside = true;
			return token(lexer, TOKEN_OPEN, open, length);
		}
		lexer->next = behind;
	}
}

static struct token lex_quoted(struct lexer *lexer, const char *at)
{
	char quote = *at;
	const char *end = at + 1;
	while (*end && *end != quote && (*end != '\n' || quote == '`'))
		end += quote != '`' && end[0] == '\\' && end[1] ? 2 : 1;
	if (*end != quote)
		return token_error(lexer, at, "the quoted text has no end");
	enum token_kind kind = quote == '"'   ? TOKEN_STRING
			       : quote == '`' ? TOKEN_RAW
					      : TOKEN_CHARACTER;
	return token(lexer, kind, at, (size_t)(end + 1 - at));
}

static struct token lex_word(struct lexer *lexer, const char *at)
{
	size_t length = 0;
	if (isdigit((unsigned char)at[0]) ||
		((at[0] == '-' || at[0] == '+' || at[0] == '.') && isdigit((unsigned char)at[1]))) {
		for (length = 1; letter(at[length]) || at[length] == '.' ||
				 ((at[length] == '-' || at[length] == '+') &&
					 tolower((unsigned char)at[length - 1]) == 'e');)
			length++;
		return token(lexer, TOKEN_NUMBER, at, length);
	}
	if (at[0] == '.') {
		while (letter(at[1 + length]))
			length++;
		if (length == 0)
			return token(lexer, TOKEN_DOT, at, 1);
		return token(lexer, TOKEN_FIELD, at + 1, length);
	}
	for (length = at[0] == '$'; letter(at[length]);)
		length++;
	if (length == 0)
		return token_error(lexer, at, "this character means nothing here");
	return token(lexer, at[0] == '$' ? TOKEN_VARIABLE : TOKEN_WORD, at, length);
}

static struct token lex_inside(struct lexer *lexer)
{
	const char *at = lexer->next;
	bool trim = at[0] == '-' && at[1] == '}' && at[2] == '}' && blank(at[-1]);
	if (trim || (at[0] == '}' && at[1] == '}')) {
		lexer->inside = false;
		lexer->trim = trim;
		return token(lexer, TOKEN_CLOSE, at, trim ? 3 : 2);
	}
	switch (at[0]) {
	case '\0':
		return token_error(lexer, at, "}} is missing");
	case '"':
	case '`':
	case '\'':
		return lex_quoted(lexer, at);
	case ':':
		if (at[1] != '=')
			return token_error(lexer, at, "\":\" must be \":=\"");
		return token(lexer, TOKEN_COLON, at, 2);
	case '(':
	case ')':
	case '|':
	case ',':
	case '=':
		return token(lexer, TOKEN_MARK, at, 1);
	default:
		return lex_word(lexer, at);
	}
}

struct token lex(struct lexer *lexer)
{
	if (!lexer->inside)
		return lex_text(lexer);
	bool spaced = blank(*lexer->next);
	while (blank(*lexer->next))
		lexer->next++;
	struct token found = lex_inside(lexer);
	found.spaced = spaced;
	return found;
}
