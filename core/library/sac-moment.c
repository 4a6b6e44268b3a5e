/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/library/sac-moment.h"

#include <string.h>

G_DEFINE_BOXED_TYPE(SacMoment, sac_moment, sac_moment_copy, sac_moment_free)

SacMoment *
sac_moment_new(void)
{
  return g_new0(SacMoment, 1);
}

SacMoment *
sac_moment_copy(const SacMoment *moment)
{
  SacMoment *copy = g_memdup2(moment, sizeof *moment);
  copy->id = g_strdup(moment->id);
  copy->fingerprint = g_strdup(moment->fingerprint);
  copy->path = g_strdup(moment->path);
  copy->kind = g_strdup(moment->kind);
  copy->text = g_strdup(moment->text);
  copy->label = g_strdup(moment->label);
  copy->model = g_strdup(moment->model);
  copy->source = g_strdup(moment->source);
  copy->colour = g_strdup(moment->colour);
  copy->note = g_strdup(moment->note);
  return copy;
}

void
sac_moment_free(SacMoment *moment)
{
  if (moment == NULL)
    return;
  g_free(moment->id);
  g_free(moment->fingerprint);
  g_free(moment->path);
  g_free(moment->kind);
  g_free(moment->text);
  g_free(moment->label);
  g_free(moment->model);
  g_free(moment->source);
  g_free(moment->colour);
  g_free(moment->note);
  g_free(moment);
}

gboolean
sac_moment_kind_is_valid(const char *kind)
{
  gsize length = kind != NULL ? strspn(kind, "abcdefghijklmnopqrstuvwxyz-") : 0;
  return length >= 1 && length <= 32 && kind[length] == '\0';
}
