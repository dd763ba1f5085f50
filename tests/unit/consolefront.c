// SPDX-License-Identifier: MIT
/* The console frontend: who may have the console, and what becomes of it without its store. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <xen/io/console.h>
#include <xen/io/xenbus.h>

#include "frontends/consolefront.h"
#include "tests/unit/blkfront-fakes.h"

#define FRONT FAKE_HOME "device/console/1"
#define BACK "/local/domain/3/backend/console/7/1"
#define TIMEOUT_MS 5000

static bool refuses;

/* ---- the backend ------------------------------------------------------------ */

static void set_backend(int state)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", state);
	fake_set(BACK "/state", text);
}

void backend_frontend_wrote_state(int state)
{
	switch (state) {
	case XenbusStateInitialising:
		set_backend(XenbusStateInitWait);
		break;
	case XenbusStateInitialised:
		set_backend(refuses ? XenbusStateClosed : XenbusStateConnected);
		break;
	case XenbusStateClosing:
	case XenbusStateClosed:
		set_backend(state);
		break;
	}
}

void backend_notified(unsigned queue)
{
}

static int setup(void **state)
{
	fakes_reset();
	fakes.front_state = FRONT "/state";
	refuses = false;
	fake_set(FRONT "/backend", BACK);
	fake_set(FRONT "/backend-id", "3");
	fake_set(FRONT "/state", "1");
	set_backend(XenbusStateInitWait);
	return 0;
}

static int teardown(void **state)
{
	return fakes.shared != 0 || fakes.open_handles != 0;
}

static char why[256];

static struct consolefront *open_console(void)
{
	struct consolefront *cf = NULL;

	assert_int_equal(consolefront_open(1, TIMEOUT_MS, &cf, why, sizeof(why)), 0);
	assert_string_equal(fake_get(FRONT "/state"), "4");
	return cf;
}

/* ---- who has it ---------------------------------------------------------------- */

static void test_connects_and_leaves(void **state)
{
	struct consolefront *cf = open_console();

	assert_non_null(fake_get(FRONT "/ring-ref"));
	assert_non_null(fake_get(FRONT "/port"));
	assert_int_equal(consolefront_write(cf, "hello", 5), 5);
	assert_memory_equal(consolefront_page(cf)->out, "hello", 5);
	consolefront_close(cf);
	assert_string_equal(fake_get(FRONT "/state"), "6");
	cf = open_console();
	consolefront_close(cf);
}

/* As the kernel's driver leaves it when it is told to let go: the backend waits for the next one. */
static void test_another_driver_let_go(void **state)
{
	fake_set(FRONT "/state", "6");
	set_backend(XenbusStateClosed);
	consolefront_close(open_console());
}

static void test_another_driver_has_it(void **state)
{
	struct consolefront *cf = NULL;

	fake_set(FRONT "/state", "4");
	set_backend(XenbusStateConnected);
	assert_int_equal(consolefront_open(1, TIMEOUT_MS, &cf, why, sizeof(why)), -EBUSY);
	assert_null(cf);
	assert_string_equal(fake_get(FRONT "/state"), "4");
}

static void test_there_is_none(void **state)
{
	struct consolefront *cf = NULL;

	assert_int_equal(consolefront_open(2, TIMEOUT_MS, &cf, why, sizeof(why)), -ENODEV);
	assert_null(cf);
}

static void test_backend_refuses(void **state)
{
	struct consolefront *cf = NULL;

	refuses = true;
	assert_int_equal(consolefront_open(1, TIMEOUT_MS, &cf, why, sizeof(why)), -ENOTCONN);
	assert_null(cf);
}

static void test_backend_leaves(void **state)
{
	struct consolefront *cf = open_console();

	set_backend(XenbusStateClosing);
	assert_int_equal(consolefront_wait(cf, TIMEOUT_MS), -ENOTCONN);
	consolefront_close(cf);
}

/* ---- the store ends -------------------------------------------------------------- */

/* Until it says something else than that nothing happened. */
static int wait_for_news(struct consolefront *cf)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < 50; i++)
		rc = consolefront_wait(cf, 700);
	return rc;
}

static void test_store_restarted(void **state)
{
	struct sockaddr_un sa;
	int listening = fakes_store_listen(&sa);
	struct consolefront *cf;

	fakes.store_socket = sa.sun_path;
	cf = open_console();
	while (consolefront_wait(cf, 0) == 0)
		;
	fakes.store_gone = true;
	fakes.store_epoch++;
	fakes_store_end(listening, &sa);
	assert_int_equal(consolefront_wait(cf, TIMEOUT_MS), 0);
	assert_int_equal(consolefront_state(cf), XenbusStateConnected);
	assert_int_equal(consolefront_write(cf, "hello", 5), 5);
	/* It looks for it from time to time. */
	listening = fakes_store_listen(&sa);
	fakes.store_gone = false;
	assert_int_equal(wait_for_news(cf), -ETIMEDOUT);
	set_backend(XenbusStateClosed);
	assert_int_equal(wait_for_news(cf), -ENOTCONN);
	fakes_store_end(listening, &sa);
	consolefront_close(cf);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_connects_and_leaves),
		TEST(test_another_driver_let_go),
		TEST(test_another_driver_has_it),
		TEST(test_there_is_none),
		TEST(test_backend_refuses),
		TEST(test_backend_leaves),
		TEST(test_store_restarted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
