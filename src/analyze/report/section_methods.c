/* How the figures were computed, with the sources of the formulas: only those that this evidence has. */
#include "analyze/report/sections.h"

#include <string.h>

/* `needs`: a path in the results. `word`: what its text holds; NULL: that it is there is enough. */
static const struct {
    const char *needs, *word, *what, *source;
} methods[] = {
    {"evaluation.binary.figures.sensitivity", NULL, "sensitivity, specificity", "Altman and Bland, BMJ 308:1552, 1994"},
    {"evaluation.binary.figures.ppv", NULL, "predictive values", "Altman and Bland, BMJ 309:102, 1994"},
    {"evaluation.binary.figures.ppv_at_prevalence", NULL, "predictive values at a prevalence",
     "Bayes' theorem; Altman and Bland, BMJ 309:102, 1994"},
    {"evaluation.binary.figures.balanced_accuracy", NULL, "balanced accuracy", "Brodersen et al., ICPR 2010"},
    {"evaluation.binary.figures.balanced_accuracy.method", "MOVER", "its interval, of those of its two shares (MOVER)",
     "Zou and Donner, Statistics in Medicine 27:1693, 2008"},
    {"evaluation.binary.figures.mcc", NULL, "Matthews correlation", "Matthews, BBA 405, 1975"},
    {"evaluation.binary.figures.lr_positive", NULL, "likelihood ratios", "Deeks and Altman, BMJ 329, 2004"},
    {"evaluation.binary.figures.lr_positive.method", "Simel", "intervals of likelihood ratios",
     "Simel, Samsa and Matchar, Journal of Clinical Epidemiology 44, 1991"},
    {"evaluation.binary.figures.auc", NULL, "area under the ROC curve", "Hanley and McNeil, Radiology 143, 1982"},
    {"evaluation.binary.figures.auc.method", "DeLong", "its interval",
     "DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988"},
    {"evaluation.binary.figures.auc.logit", NULL,
     "its interval on the logit scale; of an area of 1 by Newcombe's method 5",
     "Pepe, The Statistical Evaluation of Medical Tests, 2003; Newcombe, Statistics in Medicine 25:559, 2006"},
    {"evaluation.binary.roc", NULL, "ROC curve", "Fawcett, Pattern Recognition Letters 27, 2006"},
    {"evaluation.binary.precision_recall", NULL, "precision-recall curve", "Davis and Goadrich, ICML 2006"},
    {"evaluation.binary.figures.average_precision", NULL, "average precision", "Boyd, Eng and Page, ECML 2013"},
    {"evaluation.binary.figures.brier", NULL, "Brier score and its parts",
     "Brier, Monthly Weather Review 78, 1950; Murphy, J. Applied Meteorology 12, 1973; Stephenson et al., Weather and "
     "Forecasting 23, 2008"},
    {"evaluation.binary.figures.log_loss", NULL, "log loss", "Good, JRSS B 14, 1952"},
    {"evaluation.binary.figures.ece", NULL, "calibration error, bins of equal mass",
     "Naeini, Cooper and Hauskrecht, AAAI 2015; Nguyen and O'Connor, EMNLP 2015"},
    {"evaluation.settings.proportions", "wilson", "intervals of proportions: Wilson", "E. B. Wilson, JASA 22, 1927"},
    {"evaluation.settings.proportions", "clopper_pearson", "intervals of proportions: Clopper-Pearson (exact)",
     "Clopper and Pearson, Biometrika 26, 1934"},
    {"evaluation.settings.proportions", "jeffreys", "intervals of proportions: Jeffreys",
     "Brown, Cai and DasGupta, Statistical Science 16, 2001"},
    {"evaluation.binary.figures.f1.method", "BCa", "bootstrap intervals, bias-corrected and accelerated",
     "Efron, JASA 82, 1987"},
    {"evaluation.multiclass.figures.mcc", NULL, "Matthews correlation of many classes",
     "Gorodkin, Computational Biology and Chemistry 28:367, 2004"},
    {"evaluation.multiclass.figures.kappa", NULL, "Cohen's kappa",
     "Educational and Psychological Measurement 20:37, 1960"},
    {"evaluation.multiclass.figures.macro_f1", NULL, "macro, micro and weighted averages",
     "Sokolova and Lapalme, Information Processing and Management 45:427, 2009"},
    {"evaluation.multiclass.figures.ece", NULL, "calibration error of the called class", "Guo et al., ICML 2017"},
    {"evaluation.multilabel.figures.hamming_loss", NULL, "Hamming loss",
     "Schapire and Singer, Machine Learning 39, 2000"},
    {"subgroups.attributes", NULL, "gaps: equal opportunity, equalised odds", "Hardt, Price and Srebro, NeurIPS 2016"},
    {"subgroups.attributes", NULL, "gap: demographic parity", "Dwork et al., ITCS 2012"},
    {"subgroups.attributes", NULL, "tests of groups: Fisher's exact test, corrected by Holm's method",
     "Fisher, Statistical Methods for Research Workers, 1934; Holm, Scandinavian Journal of Statistics 6, 1979"},
    {"subgroups.attributes", NULL, "intervals of gaps, for all pairs at once",
     "Newcombe, Statistics in Medicine 17:873, 1998; Bonferroni's correction"},
    {"robustness", NULL, "corruptions at five severities", "Hendrycks and Dietterich, ICLR 2019"},
    {"decision_curve", NULL, "decision curve", "Vickers and Elkin, Medical Decision Making 26, 2006"},
    {"recalibration.method", "temperature", "temperature scaling", "Guo, Pleiss, Sun and Weinberger, ICML 2017"},
    {"recalibration.method", "platt", "Platt scaling", "Platt 1999; Lin, Lin and Weng, Machine Learning 68, 2007"},
    {"recalibration.method", "isotonic", "isotonic calibration", "Zadrozny and Elkan, KDD 2002"},
    {"recalibration.method", "beta", "beta calibration", "Kull, Silva Filho and Flach, AISTATS 2017"},
    {"comparison", NULL, "test that both are right equally often",
     "McNemar, Psychometrika 12, 1947; mid-p: Fagerland, "
     "Lydersen and Laake, BMC Med. Res. Methodology 13:91, 2013"},
    {"comparison", NULL, "interval of a paired difference",
     "Tango, Statistics in Medicine 17:891, 1998; Newcombe, "
     "Statistics in Medicine 17:2635, 1998"},
    {"comparison", NULL, "non-inferiority", "Piaggio et al., CONSORT, JAMA 308:2594, 2012"},
    {"comparison", NULL, "paired difference of areas", "DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988"},
    {"gates", NULL, "interval of balanced accuracy in gates", "Zou and Donner, Statistics in Medicine 27:1693, 2008"},
};

static bool applies(const json_t *results, const char *needs, const char *word) {
    const json_t *found = gal_fact(results, needs);
    if (word == NULL) return found != NULL && !json_is_null(found);
    return json_is_string(found) && strstr(json_string_value(found), word) != NULL;
}

void gal_section_methods(gal_report *r) {
    gal_document *d = r->document;
    gal_document_heading(d, 1, "Methods");
    gal_document_text(
        d, "Every result is a function of the cases and the settings in the evidence alone. Random draws are "
           "numbered by seed and draw, so that they do not depend on threads or order.");
    gal_table *t = gal_document_table(d, (const char *const[]){"what", "source"}, "ll");
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (!applies(r->results, methods[i].needs, methods[i].word)) continue;
        gal_table_text(d, t, methods[i].what);
        gal_table_text(d, t, methods[i].source);
    }
}
