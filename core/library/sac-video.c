/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/library/sac-video.h"

G_DEFINE_BOXED_TYPE(SacVideo, sac_video, sac_video_copy, sac_video_free)

SacVideo *
sac_video_new(void)
{
  return g_new0(SacVideo, 1);
}

SacVideo *
sac_video_copy(const SacVideo *video)
{
  SacVideo *copy = g_memdup2(video, sizeof *video);
  copy->fingerprint = g_strdup(video->fingerprint);
  copy->path = g_strdup(video->path);
  copy->title = g_strdup(video->title);
  return copy;
}

void
sac_video_free(SacVideo *video)
{
  if (video == NULL)
    return;
  g_free(video->fingerprint);
  g_free(video->path);
  g_free(video->title);
  g_free(video);
}
