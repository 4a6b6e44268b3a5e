/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "core/library/sac-moment.h"

/* A moment's members, the same in every command's document, into the object that the builder is in. rank 0: none. In cmd-moments.c. */
void cli_add_moment_json(JsonBuilder *json, const SacMoment *moment, guint rank);
/* "name": "text" or null. */
void cli_add_string_json(JsonBuilder *json, const char *name, const char *text);
