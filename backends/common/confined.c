// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/common/confined.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/sys/evtchn.h>
#include <xen/sys/gntdev.h>

#include "backends/common/ready.h"
#include "common/log.h"

/*
 * Xen's libraries, on Xen (ioctls of its devices) and on Sluice's hypervisor (messages over
 * a socket, pipes, shared memory); libxenstore over a socket or /dev/xen/xenbus.
 */
CONFINE_RULES(xen_libraries,
	CONFINE_CALL_IF(ioctl, 1, IOCTL_EVTCHN_BIND_INTERDOMAIN),
	CONFINE_CALL_IF(ioctl, 1, IOCTL_EVTCHN_UNBIND),
	CONFINE_CALL_IF(ioctl, 1, IOCTL_EVTCHN_NOTIFY),
	CONFINE_CALL_IF(ioctl, 1, IOCTL_EVTCHN_RESTRICT_DOMID),
	CONFINE_CALL_IF(ioctl, 1, IOCTL_GNTDEV_MAP_GRANT_REF),
	CONFINE_CALL_IF(ioctl, 1, IOCTL_GNTDEV_UNMAP_GRANT_REF),
	CONFINE_CALL_IF(ioctl, 1, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR),
	CONFINE_CALL_IF(ioctl, 1, IOCTL_GNTDEV_SET_UNMAP_NOTIFY),
	CONFINE_CALL_IF(ioctl, 1, IOCTL_GNTDEV_GRANT_COPY),
	CONFINE_CALL(recvmsg), CONFINE_CALL(sendmsg),
	CONFINE_CALL_IF(fcntl, 1, F_SETFL),
	CONFINE_CALL(epoll_create1), CONFINE_CALL(epoll_ctl), CONFINE_CALL(epoll_wait),
	CONFINE_CALL(epoll_pwait), CONFINE_CALL(poll), CONFINE_CALL(ppoll), CONFINE_CALL(pipe2),
	CONFINE_CALL(writev));

int confined_begin(const struct confine_options *options)
{
	static char line[800];
	struct confine_report report;
	int rc = confine_self(options, &report);

	log_info("confined: %s", report.done);
	if (rc < 0) {
		log_err("cannot be confined (%s); --confine=no serves without", report.missing);
		return rc;
	}
	if (report.missing[0])
		log_warn("not fully confined: %s", report.missing);
	snprintf(line, sizeof(line), "CONFINED=%s%s%s\n", report.done,
		report.missing[0] ? "; " : "", report.missing);
	ready_note(line);
	return 0;
}
