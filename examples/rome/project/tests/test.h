#ifndef TEST_H
#define TEST_H

#include <stdio.h>
#include <string.h>

static int failures;

#define CHECK(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			printf("%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			failures++;                                            \
		}                                                              \
	} while (0)

static inline int report(const char *name)
{
	printf("%s: %s\n", name, failures ? "FAILED" : "passed");
	return failures != 0;
}

#endif
