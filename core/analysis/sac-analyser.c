/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/analysis/sac-analyser.h"

#include <string.h>

extern const SacAnalyser sac_analyser_visual;

/* In the order in which they run over a video. */
static const SacAnalyser *const analysers[] = {
  &sac_analyser_visual,
  NULL,
};

const SacAnalyser *const *
sac_analysers(void)
{
  return analysers;
}

const SacAnalyser *
sac_analyser_find(const char *name)
{
  for (const SacAnalyser *const *analyser = analysers; *analyser != NULL; analyser++)
    if (strcmp((*analyser)->name, name) == 0)
      return *analyser;
  return NULL;
}

char *
sac_analyser_names(void)
{
  g_autoptr(GString) names = g_string_new(NULL);
  for (const SacAnalyser *const *analyser = analysers; *analyser != NULL; analyser++)
    g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", (*analyser)->name);
  return g_strdup(names->str);
}
