// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/net/user-forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of one forward: two addresses of IPv6, two ports and what is between. */
#define FORWARD_LENGTH 128u

static const char forward_host[] = "127.0.0.1";
static const char forward_guest[] = "10.0.2.15"; /* slirp's first */

static bool forward_port(const char *text, in_port_t *port)
{
	unsigned long n;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	n = strtoul(text, &end, 10);
	if (*end || n < 1 || n > 65535)
		return false;
	*port = htons((uint16_t)n);
	return true;
}

static bool forward_address(const char *text, in_port_t port, union user_address *to)
{
	size_t n = strlen(text);
	char inner[FORWARD_LENGTH];

	*to = (union user_address){ .ipv4 = { .sin_family = AF_INET, .sin_port = port } };
	if (text[0] != '[')
		return inet_pton(AF_INET, text, &to->ipv4.sin_addr) == 1;
	if (text[n - 1] != ']')
		return false;
	*to = (union user_address){ .ipv6 = { .sin6_family = AF_INET6, .sin6_port = port } };
	memcpy(inner, text + 1, n - 2);
	inner[n - 2] = '\0';
	return inet_pton(AF_INET6, inner, &to->ipv6.sin6_addr) == 1;
}

/*
 * "ADDRESS:PORT", ":PORT" or "PORT"; @text is taken apart.
 * Return: NULL, or what it is that is wrong.
 */
static const char *forward_end(char *text, const char *standard, union user_address *to)
{
	char *colon = strrchr(text, ':');
	const char *port = text;
	in_port_t number;

	if (colon) {
		*colon = '\0';
		port = colon + 1;
		if (colon != text)
			standard = text;
	}
	if (!forward_port(port, &number))
		return "the port is a number from 1 to 65535";
	if (!forward_address(standard, number, to))
		return "the address is one of IPv4, or of IPv6 in brackets; not a name";
	return NULL;
}

/* Return: as forward_end(). */
static const char *forward_parse_one(char *text, struct user_forward *to)
{
	char *rest = strchr(text, ':'), *guest;
	const char *wrong;

	if (!rest)
		return "it begins with tcp: or udp:";
	*rest++ = '\0';
	to->udp = strcmp(text, "udp") == 0;
	if (!to->udp && strcmp(text, "tcp") != 0)
		return "it begins with tcp: or udp:";
	guest = strchr(rest, '-');
	if (!guest)
		return "after the host's port comes - and the guest's";
	*guest++ = '\0';
	wrong = forward_end(rest, forward_host, &to->host);
	if (!wrong)
		wrong = forward_end(guest, forward_guest, &to->guest);
	if (!wrong && to->host.any.sa_family != to->guest.any.sa_family)
		return "host and guest are of the same family: name the guest's address";
	return wrong;
}

int user_forward_parse(const char *text, struct user_forward *forwards, char *why, size_t room)
{
	int count = 0;

	for (text = text ? text : ""; *(text += strspn(text, " \t,")); count++) {
		size_t n = strcspn(text, " \t,");
		char one[FORWARD_LENGTH];
		const char *wrong = NULL;

		if ((unsigned)count == USER_FORWARDS)
			wrong = "there are too many forwards";
		else if (n >= sizeof(one))
			wrong = "it is too long";
		if (!wrong) {
			memcpy(one, text, n);
			one[n] = '\0';
			wrong = forward_parse_one(one, &forwards[count]);
		}
		if (wrong) {
			snprintf(why, room, "forward \"%.*s\": %s (as in tcp:127.0.0.1:8022-22)",
				n < FORWARD_LENGTH ? (int)n : (int)FORWARD_LENGTH, text, wrong);
			return -EINVAL;
		}
		text += n;
	}
	return count;
}
