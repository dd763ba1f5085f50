/* SPDX-License-Identifier: MIT */
/*
 * In dom0: how long the processors have run the domains named, as Xen accounts it, in
 * nanoseconds. xl list says the same in tenths of seconds.
 *
 *   bench-cputime DOMID..
 */
#include <stdio.h>
#include <stdlib.h>

#include <xenctrl.h>

int main(int argc, char **argv)
{
	xc_interface *xen = xc_interface_open(NULL, NULL, 0);

	if (!xen) {
		perror("bench-cputime: Xen");
		return 1;
	}
	for (int i = 1; i < argc; i++) {
		xc_domaininfo_t info;
		uint32_t domid = atoi(argv[i]);

		if (xc_domain_getinfolist(xen, domid, 1, &info) != 1 || info.domain != domid) {
			fprintf(stderr, "bench-cputime: there is no domain %s\n", argv[i]);
			return 1;
		}
		printf("%s%llu", i > 1 ? " " : "", (unsigned long long)info.cpu_time);
	}
	printf("\n");
	xc_interface_close(xen);
	return 0;
}
