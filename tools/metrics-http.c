// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/metrics-http.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/acceptor.h"
#include "tools/metrics-request.h"

struct http_client {
	struct metrics_http *http;
	int fd;                      /* -1: a free place */
	struct loop_source *source, *deadline;
	char request[METRICS_REQUEST_MAX];
	size_t used;
	char *response;              /* NULL: not asked for yet */
	size_t size, sent;
};

struct metrics_http {
	struct loop *loop;
	struct acceptor acceptor;
	struct metrics_http_source source;
	unsigned busy;               /* places in use */
	struct http_client clients[METRICS_HTTP_CLIENTS];
};

static void client_end(struct http_client *c)
{
	if (c->fd < 0)
		return;
	loop_remove(c->source);
	loop_remove(c->deadline);
	close(c->fd);
	free(c->response);
	c->fd = -1;
	c->response = NULL;
	/* There is a place for the next one. */
	c->http->busy--;
	acceptor_set_full(&c->http->acceptor, false);
}

static void on_deadline(void *opaque)
{
	struct http_client *c = opaque;

	c->deadline = NULL; /* it frees itself */
	client_end(c);
}

/* 0, or -ENOMEM. */
static int make_response(struct http_client *c, enum metrics_answer answer)
{
	bool head_only = answer == METRICS_OK_HEAD;
	const struct metrics_http_source *s = &c->http->source;
	unsigned status = head_only ? METRICS_OK : answer;
	const char *type = "text/plain; charset=utf-8";
	CLEANUP_FREE char *body = NULL;
	size_t size = 0;
	FILE *to;

	if (status == METRICS_OK) {
		body = s->text(s->opaque, &size);
		type = s->type;
		status = body ? status : 500;
	}
	to = open_memstream(&c->response, &c->size);
	if (!to)
		return -ENOMEM;
	fprintf(to, "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		    "Connection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
		    "%s\r\n",
		status, status == 500 ? "Internal Server Error" : metrics_reason(answer), type, size,
		status == METRICS_BAD_METHOD ? "Allow: GET, HEAD\r\n" : "");
	if (body && !head_only)
		fwrite(body, 1, size, to);
	if (fclose(to) == 0)
		return 0;
	free(c->response);
	c->response = NULL;
	return -ENOMEM;
}

static void client_send(struct http_client *c)
{
	ssize_t n = send(c->fd, c->response + c->sent, c->size - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		c->sent += (size_t)n;
	if (n <= 0 || c->sent == c->size) {
		/* Sent before what is left unread turns the close into a reset. */
		shutdown(c->fd, SHUT_WR);
		while (recv(c->fd, c->request, sizeof(c->request), MSG_DONTWAIT) > 0 &&
			c->used++ < 4 * METRICS_REQUEST_MAX)
			;
		client_end(c);
	}
}

static void client_receive(struct http_client *c)
{
	ssize_t n = recv(c->fd, c->request + c->used, sizeof(c->request) - c->used, MSG_DONTWAIT);
	enum metrics_answer answer;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_end(c);
		return;
	}
	c->used += (size_t)n;
	answer = metrics_request(c->request, c->used);
	if (answer == METRICS_INCOMPLETE)
		return;
	if (make_response(c, answer) < 0 || loop_set_events(c->source, EPOLLOUT) < 0)
		client_end(c);
	else
		client_send(c);
}

static void on_client(void *opaque, uint32_t events)
{
	struct http_client *c = opaque;

	if (c->response)
		client_send(c);
	else
		client_receive(c);
}

static void on_connection(void *opaque, int fd)
{
	struct metrics_http *http = opaque;
	struct http_client *c = http->clients;

	while (c->fd >= 0)
		c++; /* there is one, or nobody were accepted */
	*c = (struct http_client){ .http = http, .fd = fd };
	acceptor_set_full(&http->acceptor, ++http->busy == METRICS_HTTP_CLIENTS);
	c->source = loop_add_fd(http->loop, fd, EPOLLIN, on_client, c);
	c->deadline = loop_add_timer(http->loop, METRICS_HTTP_MS, on_deadline, c);
	if (!c->source || !c->deadline)
		client_end(c);
}

struct metrics_http *metrics_http_start(struct loop *loop, int fd,
	const struct metrics_http_source *source)
{
	struct metrics_http *http = calloc(1, sizeof(*http));
	int error;

	if (!http)
		return NULL;
	http->loop = loop;
	http->source = *source;
	for (unsigned i = 0; i < METRICS_HTTP_CLIENTS; i++)
		http->clients[i].fd = -1;
	error = acceptor_open(&http->acceptor, loop, fd, "the address of the metrics", on_connection, http);
	if (error == 0)
		return http;
	free(http);
	errno = -error;
	return NULL;
}

void metrics_http_stop(struct metrics_http *http)
{
	if (!http)
		return;
	for (unsigned i = 0; i < METRICS_HTTP_CLIENTS; i++)
		client_end(&http->clients[i]);
	acceptor_close(&http->acceptor);
	free(http);
}
