// SPDX-License-Identifier: MIT
/* For test scripts: "create CONTROL SOCKET DOMID", "destroy CONTROL DOMID", "hello SOCKET". */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "hypervisor/process/client.h"
#include "hypervisor/process/control.h"

static struct hvctl *control(const char *path)
{
	struct hvctl *ctl = hvctl_open(path);

	if (!ctl)
		die("%s: %s", path, strerror(errno));
	return ctl;
}

static int listen_at(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 16) < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static void create(const char *ctl_path, const char *path, const char *number)
{
	struct hvctl_domain_config config = { .domid = atoi(number), .name = "script" };
	struct hvctl *ctl = control(ctl_path);
	int rc = hvctl_domain_create(ctl, &config, listen_at(path), &config.domid);

	if (rc < 0)
		die("create: %s", strerror(-rc));
	hvctl_close(ctl);
}

static void destroy(const char *ctl_path, const char *number)
{
	struct hvctl *ctl = control(ctl_path);
	int rc = hvctl_domain_destroy(ctl, atoi(number));

	if (rc < 0)
		die("destroy: %s", strerror(-rc));
	hvctl_close(ctl);
}

static void hello(const char *path)
{
	uint32_t domid;
	int fd = hvclient_open(path);

	if (fd < 0)
		die("%s: %s", path, strerror(-fd));
	if (hvclient_hello(fd, &domid) < 0)
		die("no answer");
	printf("%u\n", domid);
	close(fd);
}

int main(int argc, char **argv)
{
	log_init("hv-tool");
	if (argc == 5 && strcmp(argv[1], "create") == 0)
		create(argv[2], argv[3], argv[4]);
	else if (argc == 4 && strcmp(argv[1], "destroy") == 0)
		destroy(argv[2], argv[3]);
	else if (argc == 3 && strcmp(argv[1], "hello") == 0)
		hello(argv[2]);
	else
		die("bad arguments");
	return 0;
}
