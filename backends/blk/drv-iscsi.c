// SPDX-License-Identifier: MIT
/*
 * Units of iSCSI targets, by libiscsi. A module: only the backend of a disk that names one loads
 * it. Here: from a name to a unit that is ready; iscsi-queue.c has the requests.
 */
#include "config.h"
#include "backends/blk/drv-iscsi.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/servers.h"

#define DISK_LOGOUT_MS 2000u
#define DISK_PAGE 252u

/* --- what needs paths, before confinement ----------------------------------------------- */

static int disk_add_portal(struct iscsi_disk *d, const struct addrinfo *ai)
{
	char host[64];

	if (d->nportals == ISCSI_PORTALS || getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof(host), NULL, 0,
						NI_NUMERICHOST) != 0)
		return -ENOENT;
	snprintf(d->portals[d->nportals++], ISCSI_LINK_PORTAL, ai->ai_family == AF_INET6 ? "[%s]:%u" : "%s:%u",
		host, d->uri.port);
	return 0;
}

/* Once: what it connects to later are these addresses. */
static int disk_resolve(struct iscsi_disk *d, char *why, size_t room)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	int rc = getaddrinfo(d->uri.host, NULL, &hints, &list);

	if (rc != 0) {
		snprintf(why, room, "iscsi://: the address of host %.100s: %s", d->uri.host, gai_strerror(rc));
		return -EHOSTUNREACH;
	}
	for (struct addrinfo *ai = list; ai; ai = ai->ai_next)
		(void)disk_add_portal(d, ai);
	freeaddrinfo(list);
	if (d->nportals)
		return 0;
	snprintf(why, room, "iscsi://: host %.100s has no address", d->uri.host);
	return -EHOSTUNREACH;
}

static int disk_name_ourselves(struct iscsi_disk *d, const struct blk_conf *conf, char *why, size_t room)
{
	bool lasts = true;
	int rc = 0;

	if (d->uri.initiator[0])
		memcpy(d->initiator, d->uri.initiator, sizeof(d->initiator));
	else
		rc = iscsi_local_initiator(d->initiator, &lasts, why, room);
	if (rc < 0)
		return rc;
	if (d->uri.reserve && !lasts) {
		snprintf(why, room, "iscsi://: for reserve=yes this machine needs a name that it keeps when it starts anew; name one with ?initiator=");
		return -EINVAL;
	}
	d->setup = (struct iscsi_setup){
		.target = d->uri.target,
		.initiator = d->initiator,
		/* Flat addressing above 255: SAM-5, 4.7. */
		.lun = d->uri.lun < 256 ? d->uri.lun : 0x4000 | d->uri.lun,
		.secret = &d->secret,
		.reserve = d->uri.reserve,
		.reserve_key = iscsi_local_key(&d->uri, d->initiator),
		.login_ms = d->uri.connect_s * 1000,
	};
	iscsi_local_isid(&d->uri, d->initiator, conf->device, &d->setup.isid, &d->setup.isid_qualifier);
	return 0;
}

static int disk_prepare(struct iscsi_disk *d, const struct blk_conf *conf, char *why, size_t room)
{
	int rc = iscsi_uri_parse(conf->filename, &d->uri, why, room);

	if (rc == 0 && d->uri.reserve && (conf->shared || conf->readonly)) {
		snprintf(why, room, "iscsi://: reserve=yes keeps others from writing; a disk that is %s cannot want that",
			conf->shared ? "shared" : "only read");
		rc = -EINVAL;
	}
	if (rc == 0 && d->uri.credentials[0])
		rc = iscsi_secret_read(d->uri.credentials, &d->secret, why, room);
	if (rc == 0)
		rc = disk_name_ourselves(d, conf, why, room);
	if (rc == 0)
		rc = iscsi_local_lock(&d->uri, conf, &d->lock_fd, why, room);
	if (rc == 0)
		rc = disk_resolve(d, why, room);
	return rc;
}

/* --- what the unit is --------------------------------------------------------------------- */

static int disk_inquire(struct iscsi_disk *d, bool page, uint8_t number, uint8_t *data)
{
	const uint8_t cdb[6] = { 0x12, page, number, 0, DISK_PAGE };

	return iscsi_link_run(&d->link, cdb, sizeof(cdb), data, DISK_PAGE);
}

/* B2 before B0, which may take something back. */
static void disk_read_pages(struct iscsi_disk *d)
{
	static const uint8_t wanted[] = { 0x83, 0xb2, 0xb0, 0xb1 };
	uint8_t list[DISK_PAGE], data[DISK_PAGE];
	int listed = disk_inquire(d, true, 0, list), n;

	for (unsigned i = 0; listed > 0 && i < sizeof(wanted); i++) {
		if (!lun_page_listed(list, (size_t)listed, wanted[i]))
			continue;
		n = disk_inquire(d, true, wanted[i], data);
		if (n > 0 && data[1] == wanted[i])
			lun_parse_page(data, (size_t)n, &d->lun);
	}
}

/* Where nothing says so, a unit that takes the command may need it. */
static void disk_find_cache(struct iscsi_disk *d)
{
	const uint8_t mode[6] = { 0x1a, 0x08, 0x08, 0, DISK_PAGE }; /* no block descriptors; the caching page */
	const uint8_t header[6] = { 0x1a, 0x08, 0x3f, 0, DISK_PAGE };
	uint8_t data[DISK_PAGE], flush[LUN_CDB];
	int n = iscsi_link_run(&d->link, mode, sizeof(mode), data, sizeof(data));

	if (n < 0)
		n = iscsi_link_run(&d->link, header, sizeof(header), data, sizeof(data));
	if (n > 0)
		(void)!lun_parse_mode(data, (size_t)n, &d->lun);
	if (d->lun.cache_known)
		return;
	lun_command(&d->lun, BLK_FLUSH, 0, 0, flush);
	d->lun.cache = iscsi_link_run(&d->link, flush, sizeof(flush), NULL, 0) >= 0;
}

static int disk_read_capacity(struct iscsi_disk *d, char *why, size_t room)
{
	static const uint8_t cdb[LUN_CDB] = { 0x9e, 0x10, [13] = 32 };
	uint8_t data[32];
	int n = iscsi_link_run(&d->link, cdb, sizeof(cdb), data, sizeof(data));

	if (n >= 0)
		return lun_parse_capacity(data, (size_t)n, &d->lun, why, room);
	snprintf(why, room, "its size cannot be read: %s", strerror(-n));
	return n;
}

static int disk_look(struct iscsi_disk *d, char *why, size_t room)
{
	uint8_t data[DISK_PAGE];
	int n = disk_inquire(d, false, 0, data), rc;

	if (n < 0) {
		snprintf(why, room, "it does not say what it is: %s", strerror(-n));
		return n;
	}
	rc = lun_parse_inquiry(data, (size_t)n, why, room);
	if (rc == 0)
		rc = disk_read_capacity(d, why, room);
	if (rc < 0)
		return rc;
	disk_read_pages(d);
	disk_find_cache(d);
	lun_identify(&d->lun, d->uri.target, d->uri.lun);
	if (d->lun.write_protected && !d->readonly) {
		snprintf(why, room, "it is write-protected; attach it to be read only");
		return -EROFS;
	}
	return 0;
}

/* --- attaching ------------------------------------------------------------------------------- */

/* The first of its addresses that lets us in. */
static int disk_connect(struct iscsi_disk *d)
{
	int rc = -EHOSTUNREACH;

	for (unsigned i = 0; i < d->nportals; i++) {
		memcpy(d->setup.portal, d->portals[i], ISCSI_LINK_PORTAL);
		iscsi_link_down(&d->link);
		iscsi_link_up(&d->link);
		rc = iscsi_link_wait(&d->link);
		if (rc == 0)
			break;
	}
	return rc;
}

static int disk_attach(struct iscsi_disk *d, char *why, size_t room)
{
	char clause[160] = "";
	int rc = disk_connect(d);

	if (rc == 0) {
		rc = disk_look(d, clause, sizeof(clause));
		if (rc == 0 && d->exclusive) {
			/* Only now: somebody else's unit is not to be reset. */
			d->link.fence = true;
			rc = iscsi_link_fence(&d->link);
		}
	}
	if (rc == 0)
		return 0;
	if (clause[0] && iscsi_link_is_ready(&d->link))
		snprintf(why, room, "iscsi: unit %u of %s: %s", d->uri.lun, d->uri.target, clause);
	else
		snprintf(why, room, "iscsi: %s at %s: %s%s", d->uri.target, d->setup.portal, d->link.why,
			rc == -EACCES && !d->secret.user[0] ? "; does it want ?credentials=FILE?" : "");
	return rc;
}

static void disk_close(void *state)
{
	struct iscsi_disk *d = state;

	if (!d)
		return;
	iscsi_link_logout(&d->link, DISK_LOGOUT_MS);
	iscsi_secret_wipe(&d->secret);
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	pthread_mutex_destroy(&d->mutex);
	free(d);
}

static int disk_open(const struct blk_conf *conf, struct blk_info *info, void **state, char *why, size_t room)
{
	struct iscsi_disk *d = calloc(1, sizeof(*d));
	int rc;

	if (!d) {
		snprintf(why, room, "out of memory");
		return -ENOMEM;
	}
	d->lock_fd = -1;
	d->limit = (struct log_limit){ .burst = 5, .interval_ms = 10000 };
	d->link_limit = (struct log_limit){ .burst = 10, .interval_ms = 60000 };
	d->readonly = conf->readonly;
	d->exclusive = !conf->readonly && !conf->shared;
	d->link.setup = &d->setup;
	pthread_mutex_init(&d->mutex, NULL);
	rc = disk_prepare(d, conf, why, room);
	if (rc < 0) {
		disk_close(d);
		return rc;
	}
	/* It seeds its random numbers, for CHAP's challenges, with the first one, from a path. */
	iscsi_destroy_context(iscsi_create_context(d->initiator));
	*state = d;
	return 0;
}

static int disk_driver_attach(void *state, struct blk_info *info, char *why, size_t room)
{
	struct iscsi_disk *d = state;
	int rc = disk_attach(d, why, room);

	if (rc < 0)
		return rc;
	lun_describe(&d->lun, d->readonly, info);
	d->size = info->size;
	/* What a killed backend sent has ended when the unit was reset; of reads nothing stays. */
	if (d->link.fenced || d->readonly)
		info->flags |= BLK_INFO_FENCED;
	log_info("%s unit %u at %s: %llu bytes in blocks of %u%s%s%s", d->uri.target, d->uri.lun, d->setup.portal,
		(unsigned long long)info->size, info->block_size, info->flags & BLK_INFO_FLUSH ? ", cache" : "",
		info->flags & BLK_INFO_DISCARD ? ", discard" : "", d->link.reserved ? ", reserved" : "");
	return 0;
}

static int disk_servers(void *state, struct servers *list, char *why, size_t room)
{
	struct iscsi_disk *d = state;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < d->nportals; i++)
		rc = servers_add(list, d->portals[i], why, room);
	return rc;
}

static const struct blk_driver blk_driver_iscsi = {
	.name = "iscsi",
	.open = disk_open,
	.servers = disk_servers,
	.attach = disk_driver_attach,
	.queue_start = iscsi_queue_start,
	.queue_stop = iscsi_queue_stop,
	.submit = iscsi_queue_submit,
	.kick = iscsi_queue_kick,
	.poll = iscsi_queue_poll,
	.reap = iscsi_queue_reap,
	.refresh = iscsi_queue_refresh,
	.close = disk_close,
};
BLK_MODULE(blk_driver_iscsi);
