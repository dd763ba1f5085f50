// SPDX-License-Identifier: MIT
/*
 * A request line and headers up to an empty line; headers are looked through for their
 * form alone. There is no body to a GET: what follows the empty line is not looked at.
 */
#include "config.h"
#include "tools/metrics-request.h"

#include <stdbool.h>
#include <string.h>

/* The length of the line at @p without its end; -1: it has no end yet. */
static long line_length(const char *p, const char *end, const char **next)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	if (!lf)
		return -1;
	*next = lf + 1;
	return lf > p && lf[-1] == '\r' ? lf - p - 1 : lf - p;
}

static bool is_token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_header(const char *line, size_t length)
{
	size_t n = 0;

	while (n < length && is_token(line[n]))
		n++;
	if (n == 0 || n == length || line[n] != ':')
		return false;
	for (; n < length; n++)
		if (((unsigned char)line[n] < ' ' && line[n] != '\t') || line[n] == 127)
			return false;
	return true;
}

static bool word_is(const char *word, size_t length, const char *text)
{
	return length == strlen(text) && memcmp(word, text, length) == 0;
}

static enum metrics_answer check_target(const char *target, size_t length, bool head)
{
	const char *query = memchr(target, '?', length);
	size_t path = query ? (size_t)(query - target) : length;

	if (target[0] != '/')
		return METRICS_BAD;
	if (!word_is(target, path, "/metrics"))
		return METRICS_NOT_FOUND;
	return head ? METRICS_OK_HEAD : METRICS_OK;
}

/* METHOD SP TARGET SP VERSION, of which the target holds no blanks or controls. */
static enum metrics_answer check_line(const char *line, size_t length)
{
	const char *target = memchr(line, ' ', length), *version;
	const char *end = line + length;
	size_t method = target ? (size_t)(target - line) : 0;

	for (size_t i = 0; i < length; i++)
		if (line[i] < ' ' || line[i] == 127)
			return METRICS_BAD;
	for (size_t i = 0; i < method; i++)
		if (!is_token(line[i]))
			return METRICS_BAD;
	version = target ? memchr(target + 1, ' ', (size_t)(end - target - 1)) : NULL;
	if (!method || !version || version == target + 1 || end - version != 9 ||
		memcmp(version + 1, "HTTP/", 5) != 0 || version[6] < '0' || version[6] > '9' ||
		version[7] != '.' || version[8] < '0' || version[8] > '9')
		return METRICS_BAD;
	if (version[6] != '1')
		return METRICS_BAD_VERSION;
	if (!word_is(line, method, "GET") && !word_is(line, method, "HEAD"))
		return METRICS_BAD_METHOD;
	return check_target(target + 1, (size_t)(version - target - 1), line[0] == 'H');
}

enum metrics_answer metrics_request(const char *bytes, size_t size)
{
	const char *end = bytes + size, *next = NULL;
	long length = line_length(bytes, end, &next);
	enum metrics_answer answer;

	if (length < 0)
		return size < METRICS_REQUEST_MAX ? METRICS_INCOMPLETE : METRICS_TOO_LARGE;
	answer = check_line(bytes, (size_t)length);
	if (answer == METRICS_BAD)
		return answer; /* no HTTP: nothing to wait for */
	for (const char *p = next;; p = next) {
		length = line_length(p, end, &next);
		if (length < 0)
			return size < METRICS_REQUEST_MAX ? METRICS_INCOMPLETE : METRICS_TOO_LARGE;
		if (length == 0)
			return answer;
		if (!is_header(p, (size_t)length))
			return METRICS_BAD;
	}
}

const char *metrics_reason(enum metrics_answer answer)
{
	switch (answer) {
	case METRICS_OK:
	case METRICS_OK_HEAD:
		return "OK";
	case METRICS_NOT_FOUND:
		return "Not Found";
	case METRICS_BAD_METHOD:
		return "Method Not Allowed";
	case METRICS_TOO_LARGE:
		return "Request Header Fields Too Large";
	case METRICS_BAD_VERSION:
		return "HTTP Version Not Supported";
	default:
		return "Bad Request";
	}
}
