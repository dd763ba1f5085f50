// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/process-arg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/net/link.h"
#include "common/log.h"
#include "tools/reach-arg.h"

int process_arg_path(struct stack_process_config *c, char *text, bool directory)
{
	struct stack_reach *reach = &c->paths[c->npaths];

	if (c->npaths == STACK_PROCESS_PATHS) {
		log_err("%s: at most %u devices and directories", c->name, STACK_PROCESS_PATHS);
		return -E2BIG;
	}
	*reach = (struct stack_reach){ .path = text };
	if (directory)
		reach_arg_parse(text, reach);
	if (reach->path[0] != '/') {
		log_err("--%s=%s: a path must begin with /", directory ? "directory" : "device", text);
		return -EINVAL;
	}
	c->npaths++;
	return 0;
}

int process_arg_interface(struct stack_process_config *c, const char *name)
{
	if (c->ninterfaces == STACK_PROCESS_INTERFACES) {
		log_err("%s: at most %u interfaces", c->name, STACK_PROCESS_INTERFACES);
		return -E2BIG;
	}
	for (unsigned i = 0; i < c->ninterfaces; i++) {
		if (strcmp(c->interfaces[i], name) == 0) {
			log_err("interface %s is there twice", name);
			return -EEXIST;
		}
	}
	c->interfaces[c->ninterfaces++] = name;
	return 0;
}

int process_arg_bridge(struct stack_process_config *c, char *text)
{
	char *interface = strchr(text, '=');
	const char *why;

	if (interface)
		*interface++ = '\0';
	why = link_name_why(text);
	if (why || c->nbridges == STACK_PROCESS_INTERFACES) {
		log_err("bridge %s: %s", text, why ? why : "there are too many");
		return -EINVAL;
	}
	c->bridges[c->nbridges++] = (struct stack_bridge){ text, interface };
	for (unsigned i = 0; interface && i < c->ninterfaces; i++)
		if (strcmp(c->interfaces[i], interface) == 0)
			return 0;
	return interface ? process_arg_interface(c, interface) : 0;
}

int process_arg_server(struct stack_process_config *c, char *text)
{
	char why[400];
	int rc = servers_named_add(&c->servers, text, why, sizeof(why));

	if (rc == 0 && servers_ports(&c->servers.servers) > SERVERS_PORTS_MAX) {
		snprintf(why, sizeof(why), "its servers have more than %u ports", SERVERS_PORTS_MAX);
		rc = -E2BIG;
	}
	if (rc < 0)
		log_err("%s: %s", c->name, why);
	return rc;
}
