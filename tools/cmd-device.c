// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/cmd-device.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

#include "common/log.h"
#include "xenstore/xsnode.h"

/* --- the command line -------------------------------------------------- */

static bool take_option(struct device_args *a, unsigned options, int c)
{
	a->force |= c == 'f';
	a->keys |= c == 'k';
	return (c == 'f' && (options & DEVICE_FORCE)) || (c == 'k' && (options & DEVICE_KEYS));
}

int device_parse_args(int argc, char **argv, unsigned options, const char *what, const char *text,
	struct device_args *a)
{
	static const struct option long_options[] = {
		{ "force", no_argument, NULL, 'f' },
		{ "keys", no_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (c == 'h') {
			printf("Usage: sluice %s %s\n%s\n", argv[0], what, text);
			return 0;
		}
		if (!take_option(a, options, c)) {
			log_err("%s is no option of sluice %s", argv[optind - 1], argv[0]);
			return 1;
		}
	}
	a->words = argv + optind;
	a->nwords = (unsigned)(argc - optind);
	return -1;
}

int device_too_few(const char *verb, const char *what)
{
	log_err("what is missing: sluice %s %s", verb, what);
	return 1;
}

char *device_join(char **words, unsigned nwords)
{
	size_t size;
	char *text = NULL;
	FILE *to = open_memstream(&text, &size);

	for (unsigned i = 0; to && i < nwords; i++)
		fprintf(to, "%s%s", i ? "," : "", words[i]);
	if (to)
		fclose(to);
	return text;
}

/* --- what the store has ------------------------------------------------ */

char *device_read(struct device *d, const char *dir, const char *node)
{
	char *text = xsn_read(d->xs, XBT_NULL, dir, node);

	for (char *p = text; p && *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return text;
}

unsigned device_backend_domid(const struct device *d)
{
	unsigned domid = 0;

	(void)!sscanf(d->backend, "/local/domain/%u/", &domid);
	return domid;
}

const char *device_or_dash(const char *text)
{
	return text ? text : "-";
}

static int by_number(const void *a, const void *b)
{
	unsigned long x = strtoul(*(char *const *)a, NULL, 10), y = strtoul(*(char *const *)b, NULL, 10);

	return (x > y) - (x < y);
}

void device_each(struct xs_handle *xs, const struct client_vm *vm, const char *kind, device_fn fn)
{
	char dir[64];
	unsigned count = 0;
	char **names;

	snprintf(dir, sizeof(dir), "/libxl/%u/device/%s", vm->domid, kind);
	names = xs_directory(xs, XBT_NULL, dir, &count);
	if (names)
		qsort(names, count, sizeof(*names), by_number);
	for (unsigned i = 0; names && i < count; i++) {
		struct device d = { .xs = xs, .kind = kind,
			.number = (unsigned)strtoul(names[i], NULL, 10) };

		snprintf(d.libxl, sizeof(d.libxl), "%s/%u", dir, d.number);
		snprintf(d.frontend, sizeof(d.frontend), "/local/domain/%u/device/%s/%u", vm->domid, kind,
			d.number);
		d.backend = xsn_read(xs, XBT_NULL, d.libxl, "backend");
		if (d.backend)
			fn(&d, vm);
		free(d.backend);
	}
	free(names);
}

int device_verb(int argc, char **argv, const char *text, const char *head,
	void (*fn)(struct xs_handle *xs, const struct client_vm *vm))
{
	struct device_args a = { .force = false };
	int status = device_parse_args(argc, argv, 0, "NAME..", text, &a);

	if (status >= 0)
		return status;
	if (!a.nwords)
		return device_too_few(argv[0], "NAME..");
	if (head)
		printf("%s\n", head);
	for (unsigned i = 0; i < a.nwords; i++) {
		struct client_vm vm;
		struct xs_handle *xs = client_find(a.words[i], &vm) < 0 ? NULL : client_store(&vm);

		if (!xs)
			return 1;
		fn(xs, &vm);
		xs_close(xs);
	}
	return 0;
}
