/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "core/analysis/sac-encoder.h"
#include "core/library/sac-library.h"

/*
 * From what a person types to moments, best first.
 *
 * The words are embedded by each model that the library has vectors of, and compared with every frame sample (exactly: a scan, no
 * approximate index). A cosine c becomes a score by the query's calibration, (c - floor) / (ceiling - floor), held within 0…1, so that
 * a score means the same across queries and a query for what nothing shows scores low. Scores along a video make a curve; it is smoothed
 * over neighbouring samples, cut into spans by a threshold from the query's own distribution over the library, and the spans are
 * trimmed at the midpoints between samples. The words are also looked up in what is said, written and tagged; both lists are fused by
 * score. What a score must reach to count as a find is SAC_SEARCH_GOOD_SCORE.
 *
 * All functions block (a scan, the device, the disk): call them from a worker thread; any number at once.
 */

G_BEGIN_DECLS

/* A best score below it means: what was asked for is probably not there, show the nearest as such. */
#define SAC_SEARCH_GOOD_SCORE 0.7

typedef struct {
  const char *text;         /* the query language of sac-query.h; or NULL with image */
  const char *image;        /* path of a picture, or of a video, to look for what looks like it; or NULL */
  gint64 image_time_us;     /* of a video: the frame that is shown then */
  const char *in;           /* path of a video or of a folder to search in; or NULL: all */
  gint64 video_id;          /* or that video alone, when not 0 */
  const char *const *kinds; /* NULL-terminated, or NULL: all; narrows besides "kind:" of the text */
  const char *model;        /* one model's vectors only; or NULL: all */
  guint limit;              /* 0: 24 */
  double min_score;         /* leaves out what scores less */
} SacSearchQuery;

typedef struct {
  SacMoment *moment; /* with its score */
  guint rank;        /* 1 is the best */
  char *snippet;     /* the text or label with what matched between U+2068 and U+2069, for kinds with words; or NULL */
} SacSearchResult;

typedef struct {
  char *query;         /* as typed, or the picture's path */
  double seconds;      /* the whole search */
  double scan_seconds; /* of it, comparing vectors */
  double best_score;   /* of the first result, 0 without one; before min_score */
  gint64 n_samples;    /* frame samples compared */
  char *notice;        /* why pictures were not searched (no device, no model), for people; or NULL */
  GPtrArray *results;  /* (element-type SacSearchResult) by rank */
} SacSearchResults;

void sac_search_result_free(SacSearchResult *result);
#define SAC_TYPE_SEARCH_RESULTS (sac_search_results_get_type())
GType sac_search_results_get_type(void);
SacSearchResults *sac_search_results_ref(SacSearchResults *results);
void sac_search_results_unref(SacSearchResults *results);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacSearchResults, sac_search_results_unref)

/* encoder NULL: words only. Without a device or a model the text search still answers and notice says why pictures were not
 * searched; it is an error only when nothing else could be searched: kind visual alone, or image. */
SacSearchResults *sac_search_run(SacLibrary *library, SacEncoder *encoder, const SacSearchQuery *query,
                                 GCancellable *cancellable, GError **error);

/* How well each sample of one video fits the query: for the timeline's match lane. */
typedef struct {
  gsize n;
  gint64 *times_us;
  float *scores;   /* 0…1, smoothed as for moments */
  float threshold; /* above it a sample is part of a moment */
} SacMatchCurve;

void sac_match_curve_free(SacMatchCurve *curve);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacMatchCurve, sac_match_curve_free)

/* query->text or ->image and ->model count; an unindexed video gives n 0. */
SacMatchCurve *sac_search_match_curve(SacLibrary *library, SacEncoder *encoder, const SacSearchQuery *query,
                                      gint64 video_id, GCancellable *cancellable, GError **error);

G_END_DECLS
