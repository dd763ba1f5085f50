// SPDX-License-Identifier: MIT
/*
 * A page of another domain: "reach share DOMID FILE" shows one with a secret to that
 * domain, writes its reference to FILE and waits; "reach map DOMID REF" prints what it can
 * read there. As the domain whose socket SLUICE_HYPERVISOR names.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xengnttab.h>

#include "common/log.h"

static int share(uint32_t domid, const char *file)
{
	xengntshr_handle *s = xengntshr_open(NULL, 0);
	FILE *out = fopen(file, "we");
	char *page = NULL;
	uint32_t ref;

	if (s && out)
		page = xengntshr_share_pages(s, domid, 1, &ref, 1);
	if (!page)
		die("nothing shared: %s", strerror(errno));
	strcpy(page, "the secret of a page");
	fprintf(out, "%u\n", ref);
	fclose(out);
	for (;;)
		pause();
}

static int map(uint32_t domid, uint32_t ref)
{
	xengnttab_handle *g = xengnttab_open(NULL, 0);
	const char *page = g ? xengnttab_map_grant_ref(g, domid, ref, PROT_READ) : NULL;

	if (!page) {
		fprintf(stderr, "not mapped: %s\n", strerror(errno));
		return 1;
	}
	printf("%.64s\n", page);
	xengnttab_unmap(g, (void *)page, 1);
	xengnttab_close(g);
	return 0;
}

int main(int argc, char **argv)
{
	log_init("reach");
	if (argc == 4 && strcmp(argv[1], "share") == 0)
		return share((uint32_t)atoi(argv[2]), argv[3]);
	if (argc == 4 && strcmp(argv[1], "map") == 0)
		return map((uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]));
	die("reach share DOMID FILE, or reach map DOMID REF");
}
